/** Carries out the steps of probes on a device. */
import { randomUUID } from "node:crypto";
import { printMil } from "../compiler/mil/print.ts";
import type { MilFunction, MilProgram, MilType } from "../compiler/mil/tree.ts";
import { bug } from "../compiler/support/bug.ts";
import type {
  Outcome,
  Outcomes,
  Probe,
  ProbeStep,
  RunStep,
} from "../compiler/target/probes/define.ts";
import { NativeError } from "../runtime-native/js/addon.ts";
import type {
  AneDevice,
  AnePort,
  AneProcedure,
  AneProgram,
  AneSource,
  AneSurface,
} from "../runtime-native/js/ane.ts";

/** The outcomes of all steps of a probe. A step that fails does not keep the others from being tried. */
export function carryOut(probe: Probe, device: AneDevice): Outcomes {
  const outcomes = new Map<string, Outcome>();
  for (const step of probe.steps()) outcomes.set(step.label, outcomeOf(step, device));
  return outcomes;
}

function outcomeOf(step: ProbeStep, device: AneDevice): Outcome {
  if (step.kind === "many") return compileMany(step, device);
  let program: AneProgram;
  try {
    program = device.compile(sourceOf(step.label, step.program, step.weights));
  } catch (error) {
    return refusal(error, 0);
  }
  try {
    return step.kind === "run" ? evaluate(step, program, device) : { kind: "compiled", count: 1 };
  } catch (error) {
    return { kind: "failed", words: wordsOf(error) };
  } finally {
    program.close();
  }
}

function compileMany(step: Extract<ProbeStep, { kind: "many" }>, device: AneDevice): Outcome {
  const kept: AneProgram[] = [];
  const salt = randomUUID().replaceAll("-", "");
  try {
    for (let i = 0; i < step.count; i++) {
      try {
        const program = device.compile(sourceOf(`${step.label}_${i}`, step.program(i, salt), {}));
        if (step.keep) kept.push(program);
        else program.close();
      } catch (error) {
        return refusal(error, i);
      }
    }
    return { kind: "compiled", count: step.count };
  } finally {
    for (const program of kept) program.close();
  }
}

/** Codes with which the system's compiler and loader say no. */
const REFUSALS = ["E0621", "E0622"];

function refusal(error: unknown, count: number): Outcome {
  const words = wordsOf(error);
  const isRefused = error instanceof NativeError && REFUSALS.includes(error.code);
  return isRefused ? { kind: "refused", words, count } : { kind: "failed", words };
}

function wordsOf(error: unknown): string {
  if (!(error instanceof NativeError)) throw error;
  return error.detail === "" ? error.message : error.detail.split("\n")[0]!;
}

function evaluate(step: RunStep, program: AneProgram, device: AneDevice): Outcome {
  const procedure = step.procedure ?? 0;
  const { inputs, outputs } = program.source.procedures[procedure]!;
  const surfaces: AneSurface[] = [];
  const surfaceFor = (port: AnePort, index: number, isOutput: boolean): AneSurface => {
    const surface =
      step.published === true
        ? device.surface(port.type, port.shape)
        : isOutput
          ? program.output(index, procedure)
          : program.input(index, procedure);
    surfaces.push(surface);
    return surface;
  };
  try {
    const given = inputs.map((port, i) => {
      const surface = surfaceFor(port, i, false);
      const values = step.inputs[port.name] ?? bug(`step ${step.label} gives no ${port.name}`);
      surface.write(Float32Array.from(values));
      return surface;
    });
    const results = outputs.map((port, i) => surfaceFor(port, i, true));
    const times = Array.from({ length: step.times ?? 1 }, () => {
      const start = performance.now();
      const own = program.evaluate(given, results, procedure);
      return own > 0 ? own : (performance.now() - start) * 1e6;
    }).sort((a, b) => a - b);
    const read = results.map((surface, i) => [outputs[i]!.name, surface.read()] as const);
    const nanoseconds = times[times.length >> 1]!;
    return { kind: "ran", outputs: Object.fromEntries(read), nanoseconds };
  } finally {
    for (const surface of surfaces) surface.close();
  }
}

/** What is compiled: the text of our printer, and the ports that the functions declare. */
function sourceOf(
  name: string,
  program: MilProgram,
  weights: Readonly<Record<string, Uint8Array>>,
): AneSource {
  return { name, mil: printMil(program), procedures: program.functions.map(portsOf), weights };
}

function portsOf(f: MilFunction): AneProcedure {
  const results = f.body.flatMap((s) => s.results);
  const types = new Map([...f.inputs, ...results].map((b) => [b.name, b.type]));
  return {
    name: f.name,
    inputs: f.inputs.map((i) => portOf(i.name, i.type)),
    outputs: f.outputs.map((o) => portOf(o.name, types.get(o.name))),
  };
}

/** Ports of other elements than fp32 only ever occur in programs that are compiled and not run. */
function portOf(name: string, type: MilType | undefined): AnePort {
  const known = type?.kind === "tensor" || type?.kind === "scalar" ? type : undefined;
  const shape = known?.kind === "tensor" ? known.shape.map(Number) : [];
  return { name, type: known?.element === "fp32" ? "fp32" : "fp16", shape };
}
