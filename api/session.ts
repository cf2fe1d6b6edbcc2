/**
 * A model on the processor, with its parameters: to run it, and to train it on values of your own.
 *
 *     const session = Session.open(load("tiny"), { learn: { lr: 1e-3 } });
 *     for (const [tokens, targets] of windows) session.step({ tokens, targets });
 *     session.save("tiny.safetensors");
 *     session.close();
 *
 * `anec train` does more: token files, schedules, validation, checkpoints that resume to the bit, the engine.
 */
import { type Graph, leafName } from "../compiler/ir/graph.ts";
import type { Node } from "../compiler/ir/node.ts";
import { elementCount, shapeWithSizes, sizesOf } from "../compiler/ir/types.ts";
import { sessionCannotLearn, sessionInput, sessionName } from "../compiler/messages/library.ts";
import { gradientNotFinite, lossNotFinite } from "../compiler/messages/training.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { aName, anObject, checkArgument, type Rule, text } from "../dsl/arguments.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import { fromFloat32, toFloat32 } from "../formats/tensor.ts";
import { inputStorage, lowerToHost, paramStorage } from "../passes/lower_to_host.ts";
import { runPasses } from "../passes/pass.ts";
import { pipelines } from "../passes/pipeline.ts";
import { type BuiltPlan, finishPlan, newPlan } from "../passes/plan_builder.ts";
import type { Session as NativeSession } from "../runtime-native/js/index.ts";
import { firstNotFinite, groupGradient } from "../training/group_gradient.ts";
import { openSession } from "../training/host_session.ts";
import { initialise } from "../training/initialise.ts";
import { updateScalars } from "../training/optimizers/groups.ts";
import { optimizerNamed } from "../training/optimizers/index.ts";
import { completeSettings, type TrainSettings } from "../training/options.ts";
import { buffers, trainingPlan } from "../training/programs.ts";
import { graphOf, type ModelLike } from "./model.ts";
import { checkOptions, OPTIONS } from "./options.ts";

/** How a session trains; all of it has defaults, those of `anec train`. The rate stays as it is. */
export interface LearnOptions
  extends Partial<
    Pick<TrainSettings, "optimizer" | "lr" | "clip" | "wd" | "beta1" | "beta2" | "sanitize">
  > {}

/** How `Session.open` opens a model. */
export interface SessionOptions {
  /** Which layer, model or train of a file: `NAME` or `KIND:NAME`. */
  readonly entry?: string;
  /** Makes a session that trains. The model's only output has to be a scalar loss. */
  readonly learn?: LearnOptions;
  /** Of the values that parameters start with. Default 42. */
  readonly seed?: number;
  /** Threads to use. Default: one per processor. */
  readonly threads?: number;
}

/** An input or a parameter of a session. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  /** `i32` for token ids. */
  readonly type: "f32" | "i32";
}

/** Values by name: one array of numbers for each input, row by row. */
export type Values = Readonly<Record<string, ArrayLike<number>>>;

/** What one step of training came to. */
export interface Step {
  /** Mean loss of the step's inputs, in nats. */
  readonly loss: number;
  /** Norm of the mean gradient of all parameters, before clipping. */
  readonly gradNorm: number;
}

/** A model with its parameters, ready to run. Made by `Session.open`; ended by `close`. */
export class Session {
  /** What `run` and `step` take. */
  readonly inputs: readonly Slot[];
  /** The parameters, in the order of the model. */
  readonly params: readonly Slot[];
  readonly #graph: Graph;
  readonly #native: NativeSession;
  readonly #settings: TrainSettings | undefined;
  #updates = 0;

  private constructor(graph: Graph, native: NativeSession, settings: TrainSettings | undefined) {
    this.inputs = graph.inputs.map(slotOf);
    this.params = graph.params.map(slotOf);
    this.#graph = graph;
    this.#native = native;
    this.#settings = settings;
  }

  /**
   * Opens a model; its parameters have the values that training starts with.
   *
   * @throws UserError with the mistakes of a text, for options that do not exist or cannot be (E0979, E0955, E0901),
   *   for a model that cannot be trained (E0998).
   * @throws NativeError (E0601, E0605) where the runtime is not built, or there is too little memory.
   */
  static open(model: ModelLike, options: SessionOptions = {}): Session {
    const checked = checkOptions("Session.open", options, OPTIONS["Session.open"]);
    const { entry, seed = 42, threads } = checked;
    const learn = checked.learn && checkOptions("learn", checked.learn, OPTIONS.learn);
    const graph = graphOf(
      "Session.open(model)",
      model,
      entry,
      learn === undefined ? "model" : "train",
    );
    const settings = learn === undefined ? undefined : completeSettings(learn);
    const plan = settings === undefined ? inferencePlan(graph) : learningPlan(graph, settings);
    const native = openSession(plan, threads === undefined ? {} : { threads });
    const vocabulary = { dim: null, full: 0, size: 0, active: null };
    const values = (path: string): Float32Array => native.f32(paramStorage(path));
    initialise(graph, { seed, vocabulary, values });
    return new Session(graph, native, settings);
  }

  /**
   * Computes the outputs, by name: copies, row by row.
   * @throws UserError (E0996, E0997) for values that do not fit; NativeError (E0604) for ids beyond their table.
   */
  run(values: Values): Record<string, Float32Array> {
    this.#write("run(values)", values);
    const learns = this.#settings !== undefined;
    this.#native.run(learns ? "evaluate" : "run", { first: true });
    return Object.fromEntries(
      this.#graph.outputs.map(({ name }) => {
        const storage = learns ? buffers.evaluatedLoss : `output.${name}`;
        return [name, this.#native.f32(storage).slice()];
      }),
    );
  }

  /**
   * One update of the parameters, from the mean gradient of the loss over what is given: the values of one
   * micro-step, or a list of them.
   *
   * @throws UserError like `run`, E0998 for a session without `learn`, and E0902 or E0903 where the loss or the
   *   gradient is not finite: the parameters are then as they were.
   */
  step(values: Values | readonly Values[]): Step {
    const settings = this.#settings;
    if (settings === undefined)
      throw new UserError(sessionCannotLearn("it was opened without `learn`"));
    const list = isList(values) ? values : [values];
    if (list.length === 0) throw new UserError(sessionCannotLearn("a step needs values"));
    let sum = 0;
    for (const [i, one] of list.entries()) {
      this.#write("step(values)", one);
      this.#native.run("micro_step", { first: i === 0 });
      sum += this.#native.f32(buffers.loss)[0]!;
    }
    const loss = sum / list.length;
    const number = this.#updates + 1;
    if (!Number.isFinite(loss))
      throw new UserError(lossNotFinite(`update ${number}`, loss, this.#updates));
    const run = (program: string): void => this.#native.run(program);
    const device = { session: this.#native, lossScale: 1, run };
    const found = groupGradient(device, { ...settings, accum: list.length }, list.length);
    if (found.nonfinite > 0) {
      const paths = this.params.map(({ name }) => name);
      const first = firstNotFinite(this.#native, paths);
      throw new UserError(gradientNotFinite(number, found.nonfinite, first));
    }
    const scalars = { lr: settings.lr, t: number, scale: found.scale };
    this.#native.f32(buffers.scalars).set(updateScalars(settings, scalars));
    run("update");
    this.#updates = number;
    return { loss, gradNorm: found.norm };
  }

  /**
   * The values of a parameter: a view, row by row, that can be written to. It is empty after `close`.
   * @throws UserError (E0997) where there is none of this path.
   */
  param(path: string): Float32Array {
    checkArgument("param(path)", path, text);
    this.#known("parameter", path, this.params);
    return this.#native.f32(paramStorage(path));
  }

  /**
   * Sets parameters from a safetensors file: the tensors with the names of parameters.
   * @throws UserError (E0702 to E0719) for a damaged file, E0996 and E0997 for tensors that are missing or do not fit.
   */
  load(path: string): void {
    checkArgument("load(path)", path, aName);
    const { tensors } = readSafetensors(path);
    const read = this.params.map((slot) => {
      const tensor = tensors.get(slot.name);
      const why =
        tensor === undefined
          ? `and ${path} has no such tensor`
          : `and ${path} has [${tensor.shape.join(", ")}]`;
      if (tensor === undefined || String(tensor.shape) !== String(slot.shape))
        throw new UserError(sessionInput(slot.name, typeText(slot), why));
      return toFloat32(tensor);
    });
    for (const [i, { name }] of this.params.entries()) this.param(name).set(read[i]!);
  }

  /**
   * Writes the parameters into a safetensors file, whole or not at all.
   * @throws UserError (E0701 to E0707) where the system refuses.
   */
  save(path: string): void {
    checkArgument("save(path)", path, aName);
    const tensors = this.params.map(
      ({ name, shape }) => [name, fromFloat32(shape, this.param(name))] as const,
    );
    writeSafetensors(path, new Map(tensors));
  }

  /** Gives the memory back. Any later call is an error, but another `close`. */
  close(): void {
    this.#native.close();
  }

  #known(what: "input" | "parameter", name: string, slots: readonly Slot[]): Slot {
    const found = slots.find((slot) => slot.name === name);
    if (found !== undefined) return found;
    throw new UserError(
      sessionName(
        what,
        name,
        slots.map((slot) => slot.name),
      ),
    );
  }

  /** Checks all values, then writes them. */
  #write(call: string, values: Values): void {
    checkArgument(call, values, VALUES);
    for (const name of Object.keys(values)) this.#known("input", name, this.inputs);
    for (const slot of this.inputs) check(slot, values[slot.name]);
    for (const { name, type } of this.inputs) {
      const storage = inputStorage(name);
      const target = type === "i32" ? this.#native.i32(storage) : this.#native.f32(storage);
      target.set(values[name]!);
    }
  }
}

function slotOf(leaf: Node): Slot {
  const type = leaf.type.dtype === "i32" ? "i32" : "f32";
  return { name: leafName(leaf), shape: sizesOf(leaf.type.shape), type };
}

function typeText({ shape, type }: Slot): string {
  return `${type === "i32" ? "i32" : ""}[${shape.join(", ")}]`;
}

const VALUES: Rule = {
  ...anObject,
  needs: "an object: a list of numbers for each input, by its name",
};

function isList(values: Values | readonly Values[]): values is readonly Values[] {
  return Array.isArray(values);
}

function check(slot: Slot, given: ArrayLike<number> | undefined): void {
  const why = faultOf(slot, given);
  if (why !== undefined) throw new UserError(sessionInput(slot.name, typeText(slot), why));
}

function faultOf({ shape, type }: Slot, given: ArrayLike<number> | undefined): string | undefined {
  if (given === undefined) return "and no value was given for it";
  if (!isNumbers(given)) return "and what was given for it is no list of numbers";
  const elements = shape.reduce((n, size) => n * size, 1);
  if (given.length !== elements) return `and ${given.length} numbers were given for ${elements}`;
  const bad = type === "f32" ? -1 : Array.prototype.findIndex.call(given, isNoId);
  return bad < 0 ? undefined : `and its element ${bad} is ${given[bad]}, which is no id`;
}

/** Whether it is as `ArrayLike<number>` says; the elements of typed arrays of BigInts are no numbers. */
function isNumbers(given: unknown): boolean {
  if (typeof given !== "object" || given === null || !("length" in given)) return false;
  if (ArrayBuffer.isView(given)) return !/^Big/.test(given.constructor.name);
  return Array.prototype.every.call(given, (element) => typeof element === "number");
}

const isNoId = (id: number): boolean => !Number.isInteger(id) || id < 0 || id >= 2 ** 31;

/** The program `run`. */
function inferencePlan(graph: Graph): BuiltPlan {
  const plan = newPlan();
  lowerToHost(plan, { name: "run", graph: runPasses(graph, pipelines.infer).graph });
  return finishPlan(plan);
}

/** The programs of training, for a graph that can be trained. */
function learningPlan(graph: Graph, { optimizer }: TrainSettings): BuiltPlan {
  const [output, ...others] = graph.outputs;
  const type = output?.node.type;
  if (type === undefined || others.length > 0 || elementCount(type.shape) !== 1) {
    const shape = type === undefined ? "nothing" : shapeWithSizes(type.shape);
    throw new UserError(sessionCannotLearn(`\`${graph.name}\` computes ${shape}, and no loss`));
  }
  return trainingPlan(graph, undefined, {}, optimizerNamed(optimizer));
}
