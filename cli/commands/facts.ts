/** `anec facts`: what is known about the hardware, and how. */
import type { Command } from "commander";
import { wrap } from "../../compiler/support/render.ts";
import { howKnown } from "../../compiler/target/check_chip.ts";
import { familyOf } from "../../compiler/target/chip_names.ts";
import { appliesTo, type Fact, scopeOf } from "../../compiler/target/facts/define.ts";
import { factOf, facts } from "../../compiler/target/facts/index.ts";
import { type ChipFlags, chipFlags } from "../chip_flag.ts";
import { type Call, EXIT } from "../command.ts";
import { withEvidence } from "../evidence.ts";
import { checkedIn, effectOf, factJson, sidesOf } from "../fact_pages.ts";
import { type JsonFlag, jsonFlag, known } from "../flags.ts";
import { counted, jsonLine, table } from "../output.ts";

export const command = {
  examples: ["anec facts", "anec facts row_stride", "anec facts --chip m1 --os 15.7"],

  define(c: Command): void {
    c.argument("[names...]", "only these facts, with everything that is known");
    chipFlags(c, "only facts that are about this chip");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<JsonFlag & ChipFlags>): number {
    const ids = facts.map((f) => f.id);
    const named = args.map((name) => factOf(known("fact", name, ids, "anec facts"))!);
    const { chip, os } = flags;
    const chosen = withEvidence(named.length === 0 ? facts : named).filter(
      (f) => chip === undefined || appliesTo(f, familyOf(chip), os),
    );
    if (flags.json === true) io.out.write(jsonLine(chosen.map(factJson)));
    else if (named.length === 0) io.out.write(list(chosen));
    else io.out.write(chosen.map(whole).join("\n"));
    return EXIT.ok;
  },
};

function list(chosen: readonly Fact[]): string {
  const rows = chosen.map((f) => [f.id, effectOf(f), scopeOf(f), f.verdict]);
  const contested = chosen.filter((f) => f.verdict === "depends").length;
  return (
    table(rows) +
    `\n  ${counted(chosen.length, "fact", "facts")}; in ${contested} of them sources contradict each other.\n` +
    "  `anec facts NAME` prints what is known of one, and by whom.\n"
  );
}

function whole(fact: Fact): string {
  const prose = (text: string): string => `${wrap(text).join("\n")}\n`;
  const head = [
    ["otherwise", effectOf(fact)],
    ["where", scopeOf(fact)],
    ["known", howKnown(fact)],
    ["looked for in", checkedIn(fact)],
    ["emulator", fact.emulator],
  ];
  const sides = sidesOf(fact).map(
    ([title, lines]) => `\n${title}\n${lines.map((line) => prose(`– ${line}`)).join("")}`,
  );
  const mend = fact.fix === undefined ? "" : " (`anec mil check --fix` does it)";
  const apple = fact.apple === undefined ? "" : `\nApple's words\n  ${fact.apple}\n`;
  return (
    `${fact.id}\n\n${prose(fact.statement)}\n${table(head)}${sides.join("")}` +
    `\nWhat to do\n${prose(`${fact.workaround}${mend}`)}${apple}`
  );
}
