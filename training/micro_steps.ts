/**
 * The micro-steps of a trainer as calls of its device: windows are drawn one after the other, and computed alone,
 * in batches, or by the rank whose turn it is.
 */
import { isTrained, leafName } from "../compiler/ir/graph.ts";
import { REDUCE } from "../passes/all_reduce.ts";
import { inputStorage } from "../passes/lower_to_host.ts";
import type { TokenData } from "./data/token_file.ts";
import { copyWindow, trainWindow } from "./data/windows.ts";
import type { RecoveringSession } from "./engine_recovery.ts";
import { toRows } from "./engine_share.ts";
import type { TrainingModel } from "./model.ts";
import { buffers } from "./programs.ts";
import type { Random } from "./random.ts";
import { callsOf, inOrder, leftOfTurn, type Ranks, type Span } from "./ranks.ts";

export interface MicroStepOptions {
  readonly device: RecoveringSession;
  readonly model: TrainingModel;
  readonly data: TokenData;
  readonly rowOf: ((id: number) => number) | null;
  readonly random: Random;
  /** Windows of one call. */
  readonly batch: number;
  /** The processes that share the groups; undefined for this one alone. */
  readonly ranks?: Ranks | undefined;
}

export class MicroSteps {
  readonly #options: MicroStepOptions;
  /** Of the last run, in order. */
  #losses: readonly number[] = [];

  constructor(options: MicroStepOptions) {
    this.#options = options;
  }

  /**
   * Computes the micro-steps of `span`, numbers of the open group; `closes` says that they are its last.
   * With ranks they are of one turn, without any they are one call.
   */
  run(span: Span, closes: boolean): void {
    const { ranks } = this.#options;
    const positions = this.#draw(span.end - span.begin);
    if (ranks === undefined) {
      this.#losses = this.#call(positions, { first: span.begin === 0 });
      return;
    }
    const own = this.#dealt(span, positions, closes);
    this.#losses = inOrder(span, this.#dealing(ranks), ranks.numbers(own));
  }

  /** The losses of the last run. */
  get losses(): readonly number[] {
    return this.#losses;
  }

  /** Computes the gradients of so many micro-steps again, from the beginning of a group. */
  repeat(count: number): void {
    const { ranks } = this.#options;
    for (let begin = 0; begin < count; ) {
      const size = ranks === undefined ? 1 : leftOfTurn(begin, this.#dealing(ranks));
      const end = Math.min(count, begin + size);
      const positions = this.#draw(end - begin);
      if (ranks !== undefined) this.#dealt({ begin, end }, positions, false);
      else this.#losses = this.#call(positions, { first: begin === 0 });
      begin = end;
    }
  }

  /** Sums the gradients of a group of `count` that ends before it is full; nothing without ranks. */
  sum(count: number): void {
    const { ranks } = this.#options;
    if (ranks !== undefined) this.#sum(count, ranks);
  }

  /** The losses of windows, without gradients. */
  evaluate(positions: readonly number[]): number[] {
    const { ranks, device } = this.#options;
    const { rank, size } = ranks ?? { rank: 0, size: 1 };
    const own = positions
      .filter((_, i) => i % size === rank)
      .map((position) => {
        this.#setWindow(position);
        device.session.run("evaluate");
        return device.session.f32(buffers.evaluatedLoss)[0]!;
      });
    if (ranks === undefined) return own;
    const all = ranks.numbers(own);
    return positions.map((_, i) => all[i % size]![Math.floor(i / size)]!);
  }

  #dealing({ rank, size }: Ranks) {
    return { batch: this.#options.batch, rank, size };
  }

  /** This rank's part of a turn; the losses of its windows. */
  #dealt(span: Span, positions: readonly number[], closes: boolean): number[] {
    const ranks = this.#options.ranks!;
    const calls = callsOf(span, this.#dealing(ranks));
    const firstOwn = ranks.rank * this.#options.batch;
    const losses = calls.flatMap(({ begin, end }, i) => {
      const last = closes && i === calls.length - 1;
      const windows = positions.slice(begin - span.begin, end - span.begin);
      return this.#call(windows, { first: begin === firstOwn, last });
    });
    if (closes && calls.length === 0) this.#sum(span.end, ranks);
    return losses;
  }

  /** The sum alone. A rank that no micro-step of the group was dealt to has nothing to add. */
  #sum(count: number, { rank }: Ranks): void {
    const { device, model, batch } = this.#options;
    if (count <= rank * batch)
      for (const param of model.graph.params.filter(isTrained))
        device.session.f32(buffers.gradient(leafName(param))).fill(0);
    device.run(REDUCE, { last: true });
  }

  #draw(count: number): number[] {
    const { random, data, model } = this.#options;
    return Array.from({ length: count }, () => trainWindow(random, data.trainTokens, model.S));
  }

  /** One call of the device; its losses. */
  #call(
    positions: readonly number[],
    when: { readonly first: boolean; readonly last?: boolean },
  ): number[] {
    const { device } = this.#options;
    const isOne = positions.length === 1;
    for (const [i, position] of positions.entries()) this.#setWindow(position, isOne ? -1 : i);
    device.run(isOne ? "micro_step" : "batch", when);
    return [...device.session.f32(isOne ? buffers.loss : buffers.losses)];
  }

  /** The ids of a window, as number `at` of a batch unless that is negative. */
  #setWindow(position: number, at = -1): void {
    const { device, model, data, rowOf } = this.#options;
    const { S, tokens: x, targets: y } = model;
    const [tokens, targets] = [x, y].map((name) =>
      at < 0
        ? device.session.i32(inputStorage(name))
        : device.session.i32(buffers.windows(name)).subarray(at * S, (at + 1) * S),
    );
    copyWindow(data.tokens, position, tokens!, targets!);
    toRows([tokens!, targets!], rowOf);
  }
}
