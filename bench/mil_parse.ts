/**
 * Large and hostile MIL text: seconds a megabyte to read, check and print it, and peak memory.
 *
 *     npm run build && node dist/bench/mil_parse.js [case]
 *
 * Each case runs in a process of its own, since the peak of a process never falls; the memory of an
 * idle one is printed first. A text that is refused says with which code, and where.
 */
import { spawnSync } from "node:child_process";
import { argv, execPath, resourceUsage, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { checkMil } from "../compiler/mil/check.ts";
import { parseMil } from "../compiler/mil/parse.ts";
import { printMil } from "../compiler/mil/print.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { positionAt } from "../compiler/support/source.ts";

const MB = 5_000_000;

/** A program around statements. */
function around(body: string): string {
  return `program(1.3)\n{\n    func main<ios18>(tensor<fp16, [1, 8]> a) {\n${body}\n    } -> (a);\n}\n`;
}

/** `piece(0)`, `piece(1)`, … until there are `size` characters. */
function filled(size: number, piece: (i: number) => string): string {
  const parts: string[] = [];
  for (let [i, length] = [0, 0]; length < size; i++) {
    const part = piece(i);
    length += part.length;
    parts.push(part);
  }
  return parts.join("");
}

function constant(type: string, value: string): string {
  return around(`${type} t = const()[name = string("t"), val = ${type}(${value})];`);
}

function numbers(size: number): string {
  const list = filled(size, (i) => `0x1.${((i * 7919) % 4096).toString(16)}p-3, `).slice(0, -2);
  return constant(`tensor<fp16, [${list.split(",").length}]>`, `[${list}]`);
}

const step = (i: number): string =>
  `        tensor<fp16, [1, 8]> y${i} = add(x = a, y = ${i === 0 ? "a" : `y${i - 1}`})[name = string("y${i}")];\n`;
const nested = (depth: number, inner: string): string =>
  "[".repeat(depth) + inner + "]".repeat(depth);

const CASES: Readonly<Record<string, () => string>> = {
  "50 KB line": () => numbers(50_000),
  "5 MB, statements": () => around(filled(MB, step)),
  "5 MB, one line": () => numbers(MB),
  "5 MB, strings": () =>
    around(filled(MB, (i) => `f(x = a)[note = string("${"é\\n".repeat(400)}${i}")];\n`)),
  "5 MB, comments": () => around(filled(MB, () => "// nothing here\n\n")),
  "5 MB, 1,000 deep": () => around(filled(MB, (i) => `f(x = ${nested(1000, String(i))});\n`)),
  "5 MB, types 1,000 deep": () =>
    around(filled(MB, (i) => `${"state<".repeat(1000)}fp16${">".repeat(1000)} t${i} = f();\n`)),
  "5 MB, literals 1,000 deep": () =>
    around(filled(MB, () => `f(x = ${"fp16(".repeat(1000)}1${")".repeat(1000)});\n`)),
  "5 MB, 5,000,000 deep": () => around(`f(x = ${"[".repeat(MB)}`),
  "5 MB, one name": () => around(`relu(x = ${"a".repeat(MB)});`),
  "5 MB, one bad number": () => around(`relu(x = ${"1".repeat(MB)}x);`),
  "5 MB, open string": () => around(`relu(x = "${"a".repeat(MB)}`),
  "5 MB, undefined names": () => around(filled(MB, (i) => `relu(x = name_${i});\n`)),
  "5 MB, semicolons": () => around(";".repeat(MB)),
  "5 MB, bad characters": () => around("%".repeat(MB)),
};

function timed<T>(run: () => T): { readonly result: T; readonly seconds: number } {
  const start = performance.now();
  const result = run();
  return { result, seconds: (performance.now() - start) / 1000 };
}

function measure(name: string): void {
  const text = CASES[name]?.() ?? "";
  const megabytes = text.length / 1e6;
  const cell = (time: number): string => (time / megabytes).toFixed(3).padStart(8);
  let row = name.padEnd(28);
  try {
    if (text === "") {
      row += "".padEnd(33);
    } else {
      const read = timed(() => parseMil({ path: "large.mil", text }));
      const check = timed(() => checkMil(read.result).length);
      const print = timed(() => printMil(read.result));
      row += [read, check, print].map((t) => cell(t.seconds)).join("");
      row += String(check.result).padStart(9);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { code, labels } = error.diagnostics[0]!;
    const { line, column } = positionAt(labels[0]!.span.source, labels[0]!.span.start);
    row += `  refused: ${code} at ${line}:${column}`.padEnd(33);
  }
  const peak = Math.round(resourceUsage().maxRSS / 1024);
  stdout.write(`${row}${String(peak).padStart(8)}\n`);
}

function main(): void {
  const [only] = argv.slice(2);
  if (only !== undefined) {
    measure(only);
    return;
  }
  const head = ["read", "check", "print"].map((w) => w.padStart(8)).join("");
  stdout.write(`${"seconds a megabyte".padEnd(28)}${head} messages RSS, MB\n`);
  for (const name of ["idle", ...Object.keys(CASES)]) {
    const { stdout: out, stderr } = spawnSync(execPath, [fileURLToPath(import.meta.url), name]);
    stdout.write(out.length > 0 ? out : `${name.padEnd(28)}  failed: ${String(stderr).trim()}\n`);
  }
}

main();
