/**
 * RAPL: the energy counters of Intel's and AMD's processors, as Linux shows them.
 *
 * Each zone is a folder with `name`, `energy_uj` (microjoules since some moment) and `max_energy_range_uj`,
 * after which the counter starts at 0 again. A package holds its cores; memory has a zone of its own inside
 * it. Source: the kernel's documentation of the power capping framework.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { energyMeterMissing } from "../../compiler/messages/power.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { type Meter, type RunningMeter, SampleLog } from "./meter.ts";

/** Where Linux shows the counters. */
export const RAPL_FOLDER = "/sys/class/powercap";

interface Zone {
  readonly part: string;
  readonly counter: string;
  /** Microjoules after which the counter starts again. */
  readonly range: number;
}

/** The counters below `folder`; a computer has them or not, and often only root may read them. */
export function raplMeter(folder: string = RAPL_FOLDER): Meter {
  const start = (interval: number): RunningMeter => startRapl(zonesOf(folder), interval);
  return { name: "RAPL", source: folder, start };
}

function startRapl(zones: readonly Zone[], interval: number): RunningMeter {
  const log = new SampleLog();
  let before = { at: performance.now(), counts: zones.map(countOf) };
  const timer = setInterval(() => {
    try {
      const now = { at: performance.now(), counts: zones.map(countOf) };
      const joules: Record<string, number> = {};
      for (const [i, { part, range }] of zones.entries()) {
        const used = now.counts[i]! - before.counts[i]!;
        joules[part] = (joules[part] ?? 0) + (used < 0 ? used + range : used) / 1e6;
      }
      log.add({ from: before.at, to: now.at, joules });
      before = now;
    } catch (error) {
      clearInterval(timer);
      log.fail(error as Error);
    }
  }, interval);
  return {
    samples: log.samples,
    until: (moment) => log.until(moment),
    close: () => clearInterval(timer),
  };
}

/** Packages, and the memory beside them. Throws a `UserError` (E0973) if there is none to read. */
function zonesOf(folder: string): Zone[] {
  const zones: Zone[] = [];
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  for (const zone of names.filter((name) => /^[a-z]+-rapl(-mmio)?:\d+(:\d+)*$/.test(name))) {
    const part = partOf(textOf(join(folder, zone, "name")));
    // The second driver of the same counters would count them twice.
    if (part === undefined || zone.includes("mmio")) continue;
    const range = Number(textOf(join(folder, zone, "max_energy_range_uj")));
    const counter = join(folder, zone, "energy_uj");
    zones.push({ part, counter, range });
  }
  if (zones.length === 0) {
    throw new UserError(energyMeterMissing("RAPL", `\`${folder}\` has no counter of a package`));
  }
  for (const zone of zones) countOf(zone);
  return zones;
}

function partOf(name: string): string | undefined {
  if (name.startsWith("package")) return "processor";
  return name === "dram" ? "memory" : undefined;
}

function countOf({ counter }: Zone): number {
  const text = textOf(counter);
  const count = Number(text);
  if (text !== "" && Number.isFinite(count)) return count;
  throw new UserError(energyMeterMissing("RAPL", `\`${counter}\` holds no number`));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new UserError(energyMeterMissing("RAPL", (error as Error).message));
  }
}
