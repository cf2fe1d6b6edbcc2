/**
 * The layers fused by hand in `fused_kernels/`, compiled for this machine into build/bench when their source is
 * newer. Nothing but the bench uses them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./processes.ts";

/** Computes layer `name` on `rows` rows of `n` floats; the arrays are those of `fused_kernels/layers.h`, in order. */
export type RunFused = (name: string, rows: number, n: number, ...arrays: Float32Array[]) => void;

const native = join(root, "runtime-native");
const source = join(root, "bench", "fused_kernels");
const output = join(root, "build", "bench", "fused_kernels.node");

function sourcesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));
}

function isCurrent(): boolean {
  const sources = [
    ...sourcesIn(source, /\.(cpp|h)$/),
    ...sourcesIn(join(native, "kernels"), /\.h$/),
    ...sourcesIn(join(native, "include", "anec"), /\.h$/),
  ];
  if (!existsSync(output)) return false;
  const made = statSync(output).mtimeMs;
  return sources.every((file) => statSync(file).mtimeMs <= made);
}

/** The layers by hand. They are compiled by `$CXX`, or `c++`, with the flags of the host kernels. */
export function fusedKernels(): RunFused {
  if (!isCurrent()) {
    mkdirSync(join(root, "build", "bench"), { recursive: true });
    const headers = [
      join(root, "node_modules", "node-api-headers", "include"),
      join(native, "include"),
      join(native, "kernels"),
    ];
    execFileSync(process.env["CXX"] ?? "c++", [
      ...["-std=gnu++20", "-O3", "-march=native", "-DANEC_LEVEL=by_hand", "-DANEC_LANES=8"],
      ...["-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi"],
      ...["-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math"],
      ...["-ffp-contract=fast", "-DNAPI_VERSION=8"],
      ...(process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : []),
      ...headers.flatMap((folder) => ["-I", folder]),
      ...["-o", output, join(source, "addon.cpp")],
    ]);
  }
  return (createRequire(import.meta.url)(output) as { readonly run: RunFused }).run;
}
