/**
 * Writing one token at a time against the memory bandwidth: every weight is read once for each token.
 */
import { leafName } from "../../compiler/ir/graph.ts";
import { noModelEntry } from "../../compiler/messages/training.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { cacheName, deriveDecode } from "../../passes/derive_decode.ts";
import { inputStorage, lowerToHost } from "../../passes/lower_to_host.ts";
import { runPasses } from "../../passes/pass.ts";
import { pipelines } from "../../passes/pipeline.ts";
import { finishPlan, newPlan } from "../../passes/plan_builder.ts";
import { type DeviceOptions, measureBound } from "../../runtime-native/js/index.ts";
import { openSession } from "../../training/host_session.ts";
import { parametersOf, type TrainingModel } from "../../training/model.ts";
import { fillTokens, fillWorkload, median } from "./workload.ts";

export interface GenerationReport {
  readonly threads: number;
  readonly simd: string;
  readonly blas: string;
  readonly weightBytes: number;
  readonly msPerToken: number;
  readonly tokensPerSecond: number;
  /** Reading memory that is in no cache, measured in this process before, between and after. */
  readonly readGigabytesPerSecond: number;
  /** Tokens per second if nothing but reading the weights took time. */
  readonly boundTokensPerSecond: number;
  readonly fractionOfBound: number;
}

/** Tokens of one round; bandwidth is measured between rounds. */
const TOKENS = 32;
const READ_SECONDS = 0.2;

/**
 * Writes `rounds` times 32 tokens with random weights; `onProgress` is called after each round.
 * Throws a `UserError` (E0910).
 */
export function measureGeneration(
  model: TrainingModel,
  rounds: number,
  device: DeviceOptions = {},
  onProgress: (done: number, all: number) => void = () => {},
): GenerationReport {
  const graph = model.elaborated.entries.find((e) => e.kind === "model")?.graph();
  if (graph === undefined) throw new UserError(noModelEntry("it has no `model`"));
  const decode = deriveDecode(runPasses(graph, pipelines.infer).graph, {
    tokens: 1,
    context: model.S,
  });
  if ("refused" in decode) throw new UserError(noModelEntry(decode.refused));
  onProgress(0, rounds);
  const before = measureBound("read", READ_SECONDS, device);
  const plan = newPlan();
  const outputStorage = (name: string) => (cacheName(name) ? inputStorage(name) : "logits");
  lowerToHost(plan, { name: "token", graph: decode.graph, outputStorage });
  const session = openSession(finishPlan(plan), device);
  try {
    fillWorkload(session, { ...decode.graph, inputs: [] }, model.table.rows);
    const tokens = session.i32(inputStorage(leafName(graph.inputs[0]!)));
    const position = session.i32(inputStorage("position"));
    const times: number[] = [];
    const reads = [before];
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < TOKENS; i++) {
        fillTokens(tokens, model.table.rows, round * TOKENS + i);
        position[0] = (round * TOKENS + i) % model.S;
        const start = performance.now();
        session.run("token");
        times.push(performance.now() - start);
      }
      reads.push(measureBound("read", READ_SECONDS, device));
      onProgress(round + 1, rounds);
    }
    const weightBytes = 4 * parametersOf(graph);
    const msPerToken = median(times);
    const readGigabytesPerSecond = median(reads);
    const tokensPerSecond = 1e3 / msPerToken;
    const boundTokensPerSecond = (readGigabytesPerSecond * 1e9) / weightBytes;
    const { threads, simd, blas } = session.info;
    return {
      ...{ threads, simd, blas: blas === null ? "built-in" : blas.name, weightBytes },
      ...{ msPerToken, tokensPerSecond, readGigabytesPerSecond, boundTokensPerSecond },
      fractionOfBound: tokensPerSecond / boundTokensPerSecond,
    };
  } finally {
    session.close();
  }
}
