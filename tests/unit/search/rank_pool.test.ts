/** Runs of a search on other ranks: answered, stopped, and refused, over mail that the test carries. */
import { expect, test } from "vitest";
import type { Measure, WantedRun } from "../../../training/search/experiment.ts";
import { poolOf } from "../../../training/search/pool.ts";
import { type Mail, rankPool, serveRuns } from "../../../training/search/rank_pool.ts";
import type { RunRecord } from "../../../training/search/record.ts";

/** The mail of `size` ranks in one process. */
function mailOf(size: number): readonly Mail[] {
  const boxes = Array.from({ length: size }, () => [] as { from: number; bytes: Uint8Array }[]);
  return boxes.map((own, rank) => ({
    size,
    send: (to: number, bytes: Uint8Array) => void boxes[to]!.push({ from: rank, bytes }),
    receive: () => own.shift(),
  }));
}

const wanted = (seed: number): WantedRun => ({
  config: { lr: 0.1 },
  seed,
  budget: { seconds: null, steps: 4 },
});

const record = (seed: number, loss: number): RunRecord => ({
  ...{ seed, loss, steps: 4, trainingSeconds: 0, totalSeconds: 0, parameters: 1, peakBytes: 1 },
});

const never = (): AbortSignal => new AbortController().signal;

test("runs go to all workers of all ranks, and come back to who asked", async () => {
  const mails = mailOf(3);
  const busy = [0, 0, 0];
  const most = [0, 0, 0];
  const served = [1, 2].map((rank) =>
    serveRuns(mails[rank]!, async ({ seed }) => {
      most[rank] = Math.max(most[rank]!, ++busy[rank]!);
      await new Promise((resolve) => setTimeout(resolve, 10 + (seed % 3) * 5));
      busy[rank]!--;
      return record(seed, 100 * rank + seed);
    }),
  );
  const pool = rankPool(mails[0]!, 2, "data");
  expect(pool.runners).toHaveLength(4);
  const measure = poolOf(pool.runners);
  const runs = await Promise.all(Array.from({ length: 20 }, (_, i) => measure(wanted(i), never())));
  pool.end();
  await Promise.all(served);
  expect(runs.map((run) => run.seed)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(new Set(runs.map((run) => Math.floor(run.loss! / 100)))).toEqual(new Set([1, 2]));
  expect(most).toEqual([0, 2, 2]);
});

test("a run that is not wanted any more is stopped where it is", async () => {
  const mails = mailOf(2);
  let isStopped = false;
  const untilStopped: Measure = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        isStopped = true;
        reject(signal.reason);
      });
    });
  const served = serveRuns(mails[1]!, untilStopped);
  const pool = rankPool(mails[0]!, 1, "data");
  const stop = new AbortController();
  const run = pool.runners[0]!(wanted(1), stop.signal);
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await expect(run).rejects.toThrow("enough");
  expect(isStopped).toBe(true);
  pool.end();
  await served;
});

test("a rank that is gone ends the runs of all, and the end of a search stops what still runs", async () => {
  const [own, other] = mailOf(2);
  const gone: Mail = {
    ...own!,
    receive: () => {
      throw new Error("rank 1 is gone");
    },
  };
  const lost = rankPool(gone, 2, "data");
  const runs = lost.runners.map((runner) => runner(wanted(1), never()));
  const ends = await Promise.allSettled(runs);
  expect(ends.map((end) => String((end as PromiseRejectedResult).reason))).toEqual([
    "Error: rank 1 is gone",
    "Error: rank 1 is gone",
  ]);

  let stopped = 0;
  const served = serveRuns(other!, (_, signal) => {
    signal.addEventListener("abort", () => stopped++);
    return new Promise(() => {});
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  lost.end();
  await served;
  expect(stopped).toBe(2);
});
