/**
 * Runs MIL programs with the emulator's C++ half, many in one process (see
 * `runtime-native/backends/emulator/mil/mil_run.cpp`).
 *
 *     const [answer] = runNatively([{ text, inputs: [x], numerics: "exact" }]);
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const NUMERICS = { exact: 0, fast: 1, ideal: 2 } as const;

export interface NativeRequest {
  readonly text: string | Uint8Array;
  /** Elements of the inputs, in the order of the text. */
  readonly inputs?: readonly ArrayLike<number>[];
  readonly numerics?: keyof typeof NUMERICS;
  readonly halfSums?: boolean;
  readonly widthSliceOverflow?: boolean;
  readonly ignoresAttentionMask?: boolean;
  readonly int8Overflow?: boolean;
  readonly threads?: number;
  readonly runs?: number;
  /** Weight files by the path that the program names. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export interface NativeRun {
  readonly outputs: readonly Float64Array[];
  /** Of the fastest run. */
  readonly microseconds: number;
  /** During the last run. */
  readonly allocations: number;
}

export type NativeAnswer = NativeRun | { readonly error: string };

const builds = ["native", "native-sanitize"].map((build) =>
  fileURLToPath(new URL(`../../build/${build}/mil_run`, import.meta.url)),
);

/** The build with sanitizers, if it was made. */
export const sanitized: string | undefined =
  process.env["ANEC_MIL_RUN_SANITIZED"] ?? (existsSync(builds[1]!) ? builds[1] : undefined);

/** The answers to requests, in their order. Throws if the process ends badly. */
export function runNatively(
  requests: readonly NativeRequest[],
  program: string = process.env["ANEC_MIL_RUN"] ?? builds[0]!,
): NativeAnswer[] {
  const input = Buffer.concat(requests.map(written));
  const { status, signal, stdout, stderr, error } = spawnSync(program, [], {
    input,
    maxBuffer: 2 ** 30,
  });
  if (status !== 0)
    throw new Error(`mil_run ended with ${status ?? signal ?? error}: ${stderr.toString()}`);
  return answers(stdout, requests.length);
}

/** The outputs of a request that must succeed. */
export function outputsOf(answer: NativeAnswer): readonly Float64Array[] {
  if ("error" in answer) throw new Error(answer.error);
  return answer.outputs;
}

function written(r: NativeRequest): Buffer {
  const count = (n: number): Buffer => Buffer.from(Uint32Array.of(n).buffer);
  const bytes = (data: Uint8Array): Buffer[] => [count(data.length), Buffer.from(data)];
  const text = (t: string | Uint8Array): Buffer[] =>
    bytes(typeof t === "string" ? Buffer.from(t) : t);
  const flags = [r.halfSums, r.widthSliceOverflow, r.ignoresAttentionMask, r.int8Overflow];
  const files = Object.entries(r.files ?? {});
  const inputs = r.inputs ?? [];
  return Buffer.concat([
    ...[count(NUMERICS[r.numerics ?? "fast"])],
    count(flags.reduce((sum, on, i) => sum + (on === true ? 2 ** i : 0), 0)),
    ...[count(r.threads ?? 1), count(r.runs ?? 1)],
    ...text(r.text),
    count(files.length),
    ...files.flatMap(([path, data]) => [...text(path), ...bytes(data)]),
    count(inputs.length),
    ...inputs.flatMap((x) => [count(x.length), Buffer.from(Float64Array.from(x).buffer)]),
  ]);
}

function answers(stdout: Buffer, expected: number): NativeAnswer[] {
  let at = 0;
  const count = (): number => {
    at += 4;
    return stdout.readUInt32LE(at - 4);
  };
  const floats = (n: number): Float64Array => {
    at += 8 * n;
    const copy = Uint8Array.prototype.slice.call(stdout, at - 8 * n, at);
    return new Float64Array(copy.buffer, copy.byteOffset, n);
  };
  return Array.from({ length: expected }, (): NativeAnswer => {
    if (count() === 0) {
      const length = count();
      at += length;
      return { error: stdout.toString("utf8", at - length, at) };
    }
    const outputs = Array.from({ length: count() }, () => floats(count()));
    return { outputs, microseconds: floats(1)[0]!, allocations: count() };
  });
}
