/** `anec search` under `mpirun`: rank 0 searches, and all ranks carry out runs. */
import { processRunner } from "../training/search/pool.ts";
import { type RankPool, rankPool, serveRuns } from "../training/search/rank_pool.ts";
import type { SearchSettings } from "../training/search/record.ts";
import { VERSION } from "../version.ts";
import { EXIT } from "./command.ts";
import type { Io } from "./io.ts";
import type { CommandRanks } from "./ranks.ts";

/** The workers of the other ranks, if there are any. Throws a `UserError` (E0980, E0982). */
export function openPool(
  joined: CommandRanks | undefined,
  settings: SearchSettings,
  workers: number,
): RankPool | undefined {
  if (joined === undefined) return undefined;
  joined.meet({ version: VERSION });
  joined.ranks.texts(JSON.stringify(settings));
  return rankPool(joined.world, workers, settings.data.name);
}

/** Any other rank: carries out runs until the search is over, also when it is to stop. */
export async function serveSearch(io: Io, joined: CommandRanks): Promise<number> {
  joined.meet({ version: VERSION });
  const [settings] = joined.ranks.texts("");
  const release = io.onInterrupt(() => {});
  try {
    await serveRuns(
      joined.world,
      processRunner({ settings: JSON.parse(settings!) as SearchSettings }),
    );
    return EXIT.ok;
  } finally {
    release();
  }
}
