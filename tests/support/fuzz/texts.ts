/** Readers of texts. */
import { readdirSync, readFileSync } from "node:fs";
import { checkMil } from "../../../compiler/mil/check.ts";
import { parseMil } from "../../../compiler/mil/parse.ts";
import { printMil } from "../../../compiler/mil/print.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../../../compiler/support/render.ts";
import { checkForChip } from "../../../compiler/target/check_chip.ts";
import { parseReport, printReport, probeReport } from "../../../compiler/target/probes/report.ts";
import { check, format } from "../../../dsl/index.ts";
import { parseHfConfig } from "../../../formats/hf_config.ts";
import { parseTokenizerJson } from "../../../formats/tokenizer_json.ts";
import { recordOf } from "../../../training/log/record.ts";
import { readSpace } from "../../../training/search/space.ts";
import { hfFolder, hfNames } from "../../unit/formats/hf_models.ts";
import { validPrograms } from "../random_mil_damage.ts";
import { toyTokenizer } from "../toy_tokenizer.ts";
import type { FuzzTarget } from "./run.ts";

/** What an editor or a shell hands over: any bytes as text. */
const textOf = (bytes: Buffer): string => bytes.toString("utf8");
const asBytes = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text));

export const TEXTS: readonly FuzzTarget[] = [
  {
    name: "ane",
    doc: "the layer language: parsed, checked with shapes, laid out",
    seeds() {
      const std = readdirSync("dsl/std").map((name) => readFileSync(`dsl/std/${name}`, "utf8"));
      const dims = "dims S = 4, D = 8, H = 2, K = 1, E = 4, F = 8, V = 16\n";
      const sample = readFileSync("tests/cases/language/sample.ane", "utf8");
      return asBytes([sample.replace("L = 4", "L = 1"), ...std.map((text) => dims + text)]);
    },
    read(bytes) {
      const source = { path: "fuzz.ane", text: textOf(bytes) };
      const found = check(source);
      const laidOut = formatted(source.text);
      if (laidOut !== undefined && format(laidOut) !== laidOut)
        throw new Error("two layouts of one text");
      if (found.length > 0) throw new UserError(found);
    },
  },
  {
    name: "mil",
    doc: "MIL text: parsed, checked, checked for a chip, printed",
    seeds: () => asBytes(validPrograms),
    read(bytes) {
      const tree = parseMil({ path: "fuzz.mil", text: textOf(bytes) });
      const printed = printMil(tree);
      if (printMil(parseMil({ path: "again.mil", text: printed })) !== printed)
        throw new Error("what is printed reads back as another program");
      renderDiagnostics(checkForChip(tree, { chip: "m1" }));
      const errors = checkMil(tree).filter((d) => d.severity === "error");
      if (errors.length > 0) throw new UserError(errors);
    },
  },
  {
    name: "tokenizer_json",
    doc: "tokenizer.json: read, and used on a text",
    seeds: () =>
      asBytes((["gpt-2", "llama-bpe", "qwen2"] as const).map((split) => toyTokenizer(split).json)),
    read(bytes) {
      const tokenizer = parseTokenizerJson(textOf(bytes), { path: "tokenizer.json" });
      tokenizer.decode(tokenizer.encode("the cat sat, 12 mats hello <tool> é 🙂"));
    },
  },
  {
    name: "hf_config",
    doc: "config.json of a Hugging Face folder",
    seeds: () => hfNames.map((name) => readFileSync(`${hfFolder(name)}/config.json`)),
    read(bytes) {
      parseHfConfig(textOf(bytes), "config.json");
    },
  },
  {
    name: "search_space",
    doc: "spaces of `anec search --space`",
    seeds: () =>
      asBytes([
        '{"lr": {"from": 1e-5, "to": 1e-2, "scale": "log"}, "L": [2, 4, 8]}',
        '{"wd": {"from": 0, "to": 1, "step": 0.25}, "accum": {"from": 1, "to": 9, "integer": true}}',
      ]),
    read(bytes) {
      readSpace(textOf(bytes), "space.json");
    },
  },
  {
    name: "probe_report",
    doc: "reports of `anec probe`",
    seeds: () => asBytes([REPORT]),
    read(bytes) {
      parseReport("report.json", textOf(bytes));
    },
  },
  {
    name: "train_log",
    doc: "lines of a log of training",
    seeds: () =>
      asBytes([
        '{"event":"step","time":1,"step":1,"loss":6.2,"lr":0.0003,"gradientNorm":1.5}',
        '{"event":"start","time":1,"model":"tiny","step":0}',
      ]),
    read(bytes) {
      return textOf(bytes)
        .split("\n")
        .every((line) => recordOf(line) !== undefined);
    },
  },
];

function formatted(text: string): string | undefined {
  try {
    return format(text);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const REPORT = printReport(
  probeReport({
    anec: "0.1.0",
    date: "2026-01-02",
    device: "emulator",
    machine: {
      ...{
        chip: "m4",
        processor: "x",
        os: "15.5",
        build: "24F74",
        architecture: "h16g",
        cores: 16,
      },
      ...{ way: "direct", stated: true },
    },
    probes: [
      {
        name: "row_stride",
        seconds: 1,
        claims: [
          {
            fact: "row_stride",
            expected: "64",
            found: "64",
            verdict: "confirms",
            says: "holds",
            numbers: {},
          },
        ],
      },
    ],
  }),
);
