/** `anec ops`: what graphs are made of. */
import type { Command } from "commander";
import type { OpDef } from "../../compiler/ops/define.ts";
import { opRegistry, ops } from "../../compiler/ops/index.ts";
import { type Call, EXIT } from "../command.ts";
import { abilitiesOf } from "../docs.ts";
import { type JsonFlag, jsonFlag, known } from "../flags.ts";
import { jsonLine, table } from "../output.ts";

export const command = {
  examples: ["anec ops", "anec ops rms_norm"],

  define(c: Command): void {
    c.argument("[names...]", "only these ops");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<JsonFlag>): number {
    const names = args.map((name) => known("op", name, [...opRegistry.keys()], "anec ops"));
    const chosen = names.length === 0 ? ops : names.map((name) => opRegistry.get(name)!);
    io.out.write(flags.json === true ? jsonLine(chosen.map(opJson)) : text(chosen));
    return EXIT.ok;
  },
};

function opJson(op: OpDef) {
  return { name: op.name, operands: op.operands, doc: op.doc, ...abilitiesOf(op) };
}

function text(list: readonly OpDef[]): string {
  const mark = (is: boolean, word: string): string => (is ? word : "–");
  const rows = list.map((op) => {
    const { gradient, cpu, mil } = abilitiesOf(op);
    const cells = [mark(gradient, "grad"), mark(cpu, "cpu"), mark(mil, "mil")];
    return [`${op.name}(${op.operands.join(", ")})`, ...cells, op.doc];
  });
  return (
    table(rows) +
    "\n  grad: has a gradient   cpu: has a host kernel   mil: has a MIL rule\n" +
    "  An op without a kernel or a rule is decomposed into ops that have one, or is done by the host.\n"
  );
}
