/** Every message, area by area: what `anec explain` prints and `docs/errors` is made from. */
import * as ane from "./ane.ts";
import * as blzt from "./blzt.ts";
import * as checkpoints from "./checkpoints.ts";
import * as coreml from "./coreml.ts";
import * as cost from "./cost.ts";
import * as data from "./data.ts";
import * as emulator from "./emulator.ts";
import * as facts from "./facts.ts";
import * as files from "./files.ts";
import * as fineTuning from "./fine_tuning.ts";
import * as formats from "./formats.ts";
import * as gguf from "./gguf.ts";
import * as gradients from "./gradients.ts";
import * as library from "./library.ts";
import * as logs from "./logs.ts";
import type { Explanation } from "./message.ts";
import * as mil from "./mil.ts";
import * as milRun from "./mil_run.ts";
import * as misplaced from "./misplaced.ts";
import * as names from "./names.ts";
import * as power from "./power.ts";
import * as probes from "./probes.ts";
import * as range from "./range.ts";
import * as ranks from "./ranks.ts";
import * as report from "./report.ts";
import * as runtime from "./runtime.ts";
import * as search from "./search.ts";
import * as syntax from "./syntax.ts";
import * as training from "./training.ts";
import * as types from "./types.ts";
import * as usage from "./usage.ts";

/** A message as far as its page goes. */
export interface Page {
  readonly code: string;
  readonly page: Explanation;
}

export interface Area {
  readonly name: string;
  /** In the order of their codes. */
  readonly messages: readonly Page[];
}

/** The messages among the exports of an area's file. */
function area(name: string, exports: Readonly<Record<string, unknown>>): Area {
  const messages = Object.values(exports).filter(isPage);
  return { name, messages: [...messages].sort((a, b) => (a.code < b.code ? -1 : 1)) };
}

function isPage(value: unknown): value is Page {
  return typeof value === "function" && "code" in value && "page" in value;
}

/** The areas, in the order of their codes. */
export const areas: readonly Area[] = [
  area("syntax", syntax),
  area("names", names),
  area("types and shapes", types),
  area("gradients", gradients),
  area("Core ML", coreml),
  area("hardware facts", facts),
  area("probe reports", probes),
  area("ranges of numbers", range),
  area("runtime", runtime),
  area("Neural Engine", ane),
  area("emulator", emulator),
  area("several processes", ranks),
  area("files", files),
  area("checkpoints", checkpoints),
  area("models of other programs", { ...formats, ...misplaced }),
  area("BLZT, llama2.c and LoRA files", blzt),
  area("GGUF", gguf),
  area("data", data),
  area("training and generation", training),
  area("fine-tuning", fineTuning),
  area("logs and dashboard", logs),
  area("command line", usage),
  area("predicted times", cost),
  area("energy", power),
  area("search", search),
  area("reports", report),
  area("use as a library", library),
  area("MIL", { ...mil, ...milRun }),
];

/** Every page by code, in the order of the codes. */
export const pages: ReadonlyMap<string, Page> = new Map(
  areas
    .flatMap((a) => a.messages)
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map((m) => [m.code, m]),
);
