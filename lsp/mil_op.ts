/** What an editor shows of a MIL op: its arguments, what it computes, and the facts about it. */
import { kindWords, type MilOp, milOp } from "../compiler/mil/ops.ts";
import { type ChipName, familyOf } from "../compiler/target/chip_names.ts";
import { appliesTo, type Fact, scopeOf } from "../compiler/target/facts/define.ts";
import { facts } from "../compiler/target/facts/index.ts";
import { packageUri } from "./language.ts";

/** The editor's settings for MIL. */
export interface MilOptions {
  /** Also what this chip's engine would refuse. */
  readonly chip?: ChipName;
  /** Its version of macOS, such as `26.3`. */
  readonly os?: string;
}

/** The facts about an op, of the chip and system of the settings if there are any. */
export function factsAbout(op: string, { chip, os }: MilOptions = {}): readonly Fact[] {
  return facts.filter(
    (fact) => fact.ops.includes(op) && (chip === undefined || appliesTo(fact, familyOf(chip), os)),
  );
}

/** Markdown about an op; undefined for an op that the table does not have. */
export function opText(name: string, options: MilOptions): string | undefined {
  const op = milOp(name);
  if (op === undefined) return undefined;
  const about = factsAbout(name, options).map(factLine).join("\n");
  const parts = [`\`\`\`mil\n${signature(op)}\n\`\`\``, op.doc, about];
  return parts.filter((part) => part !== "").join("\n\n");
}

function signature(op: MilOp): string {
  const args = op.args.map((a) => `${a.name}${a.required ? "" : "?"}: ${kindWords(a)}`);
  return `${op.name}(${args.join(", ")})`;
}

function factLine(fact: Fact): string {
  const isEverywhere = fact.chips === undefined && fact.os === undefined;
  const words = isEverywhere ? fact.verdict : `${fact.verdict}; ${scopeOf(fact)}`;
  const page = packageUri(`docs/facts/${fact.id}.md`);
  return `- [${fact.id}](${page}) (${words}): ${fact.statement}`;
}
