/** `anec mil stats`: what MIL programs are made of, in numbers. */
import type { Command } from "commander";
import { operandOfType } from "../../compiler/mil/operands.ts";
import { printType } from "../../compiler/mil/print.ts";
import { type FunctionStats, milStats, type PortStats } from "../../compiler/mil/stats.ts";
import { positionAt } from "../../compiler/support/source.ts";
import { surfaceLayout } from "../../compiler/target/facts/run_context.ts";
import { type Call, EXIT } from "../command.ts";
import { type JsonFlag, jsonFlag } from "../flags.ts";
import { readMil } from "../mil_files.ts";
import { count, counted, grouped, jsonLine, pairs, scaled, table } from "../output.ts";

export const command = {
  examples: ["anec mil stats model.mil", "anec mil stats model.mil --json"],

  define(c: Command): void {
    c.argument("<file>", "a .mil file");
    jsonFlag(c);
  },

  run({ io, args, flags }: Call<JsonFlag>): number {
    const path = args[0]!;
    const program = readMil(path);
    const functions = milStats(program);
    if (flags.json === true) {
      const list = functions.map(functionJson);
      io.out.write(jsonLine({ path, version: program.version, functions: list }));
      return EXIT.ok;
    }
    const what = counted(functions.length, "function", "functions");
    io.out.write(`${path}: program ${program.version}, ${what}\n`);
    for (const f of functions) io.out.write(`\n${functionText(f)}`);
    return EXIT.ok;
  },
};

/**
 * Bytes of a port's surface, whose rows start at multiples of 64 bytes; undefined if a size is open.
 * fact: row_stride
 */
function surfaceBytes({ type, bytes }: PortStats): number | undefined {
  const operand = operandOfType(type);
  if (operand === "open" || bytes === undefined) return undefined;
  return surfaceLayout(operand.shape, operand.element).bytes;
}

function lineOf({ largest }: FunctionStats): number | undefined {
  const span = largest?.binding.span;
  return span === undefined ? undefined : positionAt(span.source, span.start).line;
}

function functionJson(f: FunctionStats) {
  const { largest } = f;
  return {
    ...f,
    ports: f.ports.map((p) => ({
      ...p,
      type: printType(p.type),
      bytes: p.bytes ?? null,
      surfaceBytes: surfaceBytes(p) ?? null,
    })),
    largest:
      largest === undefined
        ? null
        : {
            name: largest.binding.name,
            type: printType(largest.binding.type),
            op: largest.op,
            bytes: largest.bytes,
            line: lineOf(f) ?? null,
          },
  };
}

function functionText(f: FunctionStats): string {
  const ports = f.ports.map((p) => [
    p.role,
    p.name,
    printType(p.type),
    bytesText(p.bytes),
    bytesText(surfaceBytes(p)),
  ]);
  const head = ["port", "name", "type", "bytes", "surface"];
  const ops = f.ops.map(({ op, count: n }) => [op, grouped(n)]);
  const parts = [
    `${f.name}<${f.opset}>: ${count(f.statements, "statement")}, ${count(f.constants, "constant")}\n`,
    f.ports.length === 0 ? "" : table(ports, { head, right: [3, 4] }),
    ops.length === 0 ? "" : table(ops, { head: ["op", "count"], right: [1] }),
    pairs(totals(f)),
  ];
  return parts.filter((p) => p !== "").join("\n");
}

function totals(f: FunctionStats): (readonly [string, string])[] {
  const { weights, largest, uncounted } = f;
  const records = counted(weights.records, "record", "records");
  const open = uncounted.length === 0 ? "" : `, without ${uncounted.join(", ")}`;
  const line = lineOf(f);
  const place = line === undefined ? "" : ` in line ${line}`;
  const value =
    largest === undefined
      ? "none"
      : `${largest.binding.name}, ${printType(largest.binding.type)}, ${grouped(largest.bytes)} bytes` +
        `, by ${largest.op}${place}`;
  return [
    ["weights", `${count(weights.fileBytes, "byte")} of files in ${records}`],
    ["constants", `${count(weights.inlineBytes, "byte")} in the text`],
    ["work", `${scaled(f.flops, "FLOP")} a run${open}`],
    ["largest", value],
  ];
}

function bytesText(bytes: number | undefined): string {
  return bytes === undefined ? "?" : grouped(bytes);
}
