/**
 * Runs a trained model on a stream of tokens: rows of the vocabulary in, logits of the next row out.
 *
 * With caches, each token costs one token's work. The two programs, for 16 tokens of a prompt and for
 * one token, share the caches and parameters. A model that cannot be run so is run whole for each token.
 */
import { type Graph, leafName, rebuild } from "../compiler/ir/graph.ts";
import { shapeName, sizesOf } from "../compiler/ir/types.ts";
import { contextTooLong, noModelEntry } from "../compiler/messages/training.ts";
import { input } from "../compiler/ops/input.ts";
import { bug } from "../compiler/support/bug.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import type { Elaborated, Entry } from "../dsl/index.ts";
import { cacheName, deriveDecode } from "../passes/derive_decode.ts";
import { inputStorage, lowerToHost } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { finishPlan, newPlan } from "../passes/plan_builder.ts";
import type { DeviceOptions, Session } from "../runtime-native/js/index.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { modelOf } from "./checkpoint_model.ts";
import { openWithParams } from "./host_session.ts";
import { needWhole } from "./options.ts";

export interface DecoderOptions {
  /** Most tokens the model sees at once. Default: its sequence length, for a model from elsewhere up to 1,024. */
  readonly context?: number;
  /** False runs the whole model for every token, the slow way that the fast one is compared with. */
  readonly cache?: boolean;
  readonly device?: DeviceOptions;
}

export interface Decoder {
  readonly context: number;
  /** Rows of the vocabulary. */
  readonly rows: number;
  /** Why there is no cache, if there is none. */
  readonly refused: string | undefined;
  /** Forgets all tokens. */
  reset(): void;
  /**
   * Appends rows, at least one and no more than fit in the context, and returns the logits after the
   * last, [rows]: a view that the next call overwrites.
   */
  feed(rows: readonly number[]): Float32Array;
  close(): void;
}

/** The longest context that is taken unasked: caches grow with it. */
const LONG_CONTEXT = 1024;

/** Tokens of a prompt that are run at once. */
const CHUNK = 16;

/** A decoder for the model of a checkpoint. Throws a `UserError` (E0910, E0914, those of checkpoints). */
export function createDecoder(checkpoint: Checkpoint, options: DecoderOptions = {}): Decoder {
  const training = modelOf(checkpoint);
  const graph = logitsGraph(training.elaborated, training.entry);
  const optimised = runPasses(graph, pipelines.infer).graph;
  const S = sizesOf(graph.inputs[0]!.type.shape)[0]!;
  const long = Math.max(S, Math.min(checkpoint.origin?.context ?? 0, LONG_CONTEXT));
  const context = options.context ?? long;
  needWhole("context", context, 1, 2 ** 20);
  const rows = sizesOf(graph.outputs[0]!.node.type.shape)[1]!;

  const decode = (tokens: number) =>
    deriveDecode(withInputName(optimised, `tokens.${tokens}`), { tokens, context });
  const one = options.cache === false ? { refused: "it was asked to run without one" } : decode(1);
  const refused = "refused" in one ? one.refused : undefined;
  if (refused !== undefined && context > S)
    throw new UserError(contextTooLong(context, S, refused));

  const programs = "refused" in one ? [optimised] : [one.graph];
  if (!("refused" in one) && context >= CHUNK) {
    const many = decode(CHUNK);
    programs.push("graph" in many ? many.graph : bug(`decoding ${CHUNK} tokens: ${many.refused}`));
  }
  const session = openPrograms(programs, checkpoint, options.device);
  const base = { context, rows, refused, close: () => session.close() };
  return refused === undefined
    ? { ...base, ...cachedFeed(session, context, rows) }
    : { ...base, ...wholeFeed(session, leafName(optimised.inputs[0]!), S, rows) };
}

/** The graph of the `model` that the `train` of this name trains, or of the only one. Throws E0910. */
export function logitsGraph({ entries }: Elaborated, name: string): Graph {
  const fail = (what: string): never => {
    throw new UserError(noModelEntry(what));
  };
  const models = entries.filter((e) => e.kind === "model");
  const same = models.find((e) => e.name === name);
  const entry: Entry | undefined = same ?? (models.length === 1 ? models[0] : undefined);
  if (entry === undefined) {
    return fail(models.length === 0 ? "it has no `model`" : `no \`model\` is named \`${name}\``);
  }
  const graph = entry.graph();
  const [ids] = graph.inputs;
  const out = graph.outputs[0]!.node.type;
  const isOne =
    graph.inputs.length === 1 && ids?.type.dtype === "i32" && ids.type.shape.length === 1;
  if (!isOne) return fail(`\`model ${entry.name}\` does not take one row of token ids`);
  if (out.shape.length !== 2 || out.shape[0]!.size !== ids.type.shape[0]!.size) {
    return fail(
      `\`model ${entry.name}\` returns ${shapeName(out.shape)}, not logits for each token`,
    );
  }
  return graph;
}

/** The graph with another name for its tokens, so that programs of several sizes have buffers of their own. */
function withInputName(graph: Graph, name: string): Graph {
  const [ids] = graph.inputs;
  if (ids === undefined) return graph;
  const renamed = input(graph.scope, name, ids.type);
  return {
    ...rebuild(graph, new Map([[ids, renamed]])),
    inputs: [renamed, ...graph.inputs.slice(1)],
  };
}

/** A session in which program `i` is called `run.i`, with its logits in `logits.i`. */
function openPrograms(
  graphs: readonly Graph[],
  checkpoint: Checkpoint,
  device?: DeviceOptions,
): Session {
  const plan = newPlan();
  for (const [i, graph] of graphs.entries()) {
    const outputStorage = (name: string) => (cacheName(name) ? inputStorage(name) : `logits.${i}`);
    lowerToHost(plan, { name: `run.${i}`, graph, outputStorage });
  }
  return openWithParams(finishPlan(plan), checkpoint, graphs[0]!.params, device);
}

type Feed = Pick<Decoder, "reset" | "feed">;

function cachedFeed(session: Session, context: number, rows: number): Feed {
  const position = session.i32(inputStorage("position"));
  let held = 0;
  const run = (program: number, tokens: readonly number[]): Float32Array => {
    session.i32(inputStorage(`tokens.${tokens.length}`)).set(tokens);
    position[0] = held;
    session.run(`run.${program}`);
    held += tokens.length;
    return session.f32(`logits.${program}`).subarray((tokens.length - 1) * rows);
  };
  return {
    reset: () => {
      held = 0;
    },
    feed(tokens) {
      if (tokens.length === 0 || held + tokens.length > context)
        bug("the context does not hold this");
      let logits: Float32Array = new Float32Array(0);
      for (let at = 0; at < tokens.length; ) {
        const size = tokens.length - at >= CHUNK ? CHUNK : 1;
        logits = run(size === CHUNK ? 1 : 0, tokens.slice(at, at + size));
        at += size;
      }
      return logits;
    },
  };
}

/** Tokens stand at the start of the sequence; what is behind the last one is not looked at. */
function wholeFeed(session: Session, tokens: string, S: number, rows: number): Feed {
  const ids = session.i32(inputStorage(tokens));
  let held = 0;
  return {
    reset: () => {
      held = 0;
      ids.fill(0);
    },
    feed(next) {
      if (next.length === 0 || held + next.length > S) bug("the context does not hold this");
      ids.set(next, held);
      held += next.length;
      session.run("run.0");
      return session.f32("logits.0").subarray((held - 1) * rows, held * rows);
    },
  };
}
