/**
 * Host commands that one kernel call can do together.
 *
 *     cross_entropy      (z, targets) → loss         cross_entropy_both (z, targets, dloss) → loss, dz
 *     cross_entropy_grad (z, targets, dloss) → dz ⇒
 *
 *     matmul (a, b) → x                              matmul (a, b) → x
 *     matmul (c, d) → y                           ⇒  matmul (c, d) added to x
 *     elementwise x + y → z
 *
 * A storage of a program is written by the first command that names it.
 */
import { opcodeNumber } from "../compiler/bundle/opcodes.ts";
import { WRITE } from "../compiler/bundle/plan.ts";
import { isDense, type View } from "../compiler/ops/host.ts";
import type { PendingCommand } from "./plan_builder.ts";

/**
 * The commands of a program, in order, with those merged that can be. `isScratch` says whether a
 * storage lives inside one run only.
 */
export function mergeCommands(
  commands: readonly PendingCommand[],
  isScratch: (storage: number) => boolean,
): PendingCommand[] {
  return addInPlace(mergeLosses(commands), isScratch);
}

/** The later command becomes both, so nothing in between may touch what the earlier one writes. */
function mergeLosses(commands: readonly PendingCommand[]): PendingCommand[] {
  const merged = [...commands];
  for (let late = 0; late < merged.length; late++) {
    const gradient = merged[late]!;
    if (gradient.kernel !== "cross_entropy_grad") continue;
    const early = merged.findIndex((c, at) => at < late && isLossOf(gradient, c));
    if (early < 0) continue;
    const loss = merged[early]!;
    const between = merged.slice(early + 1, late);
    if (between.some((c) => overlaps(c, loss.operands[2]!) || overlaps(c, loss.operands[0]!)))
      continue;
    const [logits, targets, dloss, dlogits] = gradient.operands;
    const both = {
      kernel: "cross_entropy_both",
      operands: [logits!, targets!, dloss!, loss.operands[2]!, dlogits!],
      ints: loss.ints,
      floats: [],
      label: gradient.label,
    };
    merged.splice(late, 1, both);
    merged.splice(early, 1);
    late -= 1;
  }
  return merged;
}

function isLossOf(gradient: PendingCommand, c: PendingCommand): boolean {
  return (
    c.kernel === "cross_entropy" &&
    sameView(c.operands[0]!, gradient.operands[0]!) &&
    sameView(c.operands[1]!, gradient.operands[1]!)
  );
}

function touches(command: PendingCommand, view: View): boolean {
  return command.operands.some((v) => v !== null && v.storage === view.storage);
}

/** As `touches`, where commands for other windows work on other parts of the same storage. */
function overlaps(command: PendingCommand, view: View): boolean {
  const [from, to] = rangeOf(view);
  return command.operands.some((v) => {
    if (v === null || v.storage !== view.storage) return false;
    const [start, end] = rangeOf(v);
    return start < to && from < end;
  });
}

/** First element, and the first one beyond the last. */
function rangeOf({ offset, shape, strides }: View): readonly [number, number] {
  return [offset, 1 + shape.reduce((last, d, i) => last + (d - 1) * strides[i]!, offset)];
}

function sameView(a: View, b: View): boolean {
  return (
    a.storage === b.storage &&
    a.offset === b.offset &&
    String(a.shape) === String(b.shape) &&
    String(a.strides) === String(b.strides)
  );
}

/** Integers of kernels that can add to what is there: see runtime-native/kernels/README.md. */
const WRITE_MODE: Readonly<Record<string, number>> = { matmul: 12, rms_norm_grad_x: 2 };

/** Whether a kernel can add its result to what is there instead of replacing it. */
export function canAdd(kernel: string): boolean {
  return Object.hasOwn(WRITE_MODE, kernel);
}

/** Sums: each term but the first is added to the first where that lies. */
function addInPlace(
  commands: readonly PendingCommand[],
  isScratch: (storage: number) => boolean,
): PendingCommand[] {
  let current = [...commands];
  for (let next = 0; next < current.length; next++) {
    const sum = current[next]!;
    if (!isPlainSum(sum)) continue;
    const terms = sum.operands.slice(0, -1) as View[];
    const result = sum.operands[sum.operands.length - 1]!;
    const isWhole = (v: View): boolean =>
      isScratch(v.storage) && v.offset === 0 && isDense(v) && elements(v) === elements(result);
    if (![...terms, result].every(isWhole)) continue;
    // Places of the commands that write or read each term, before the sum does.
    const users = terms.map((term) =>
      [...current.keys()].filter((at) => at !== next && touches(current[at]!, term)),
    );
    const [ofFirst, ...ofOthers] = users;
    const adders = ofOthers.map((places) => places[0] ?? -1);
    const fits =
      new Set(terms.map((t) => t.storage)).size === terms.length &&
      writes(current[ofFirst![0] ?? -1], terms[0]!) &&
      // The first is complete, and read by all others, before anything is added.
      ofFirst!.every((at) => adders.every((adder) => at < adder)) &&
      ofOthers.every(
        (places, i) => places.length === 1 && isReplacing(current[places[0]!]!, terms[i + 1]!),
      );
    if (!fits) continue;
    const into = terms[0]!.storage;
    const moved = new Set([result.storage, ...terms.slice(1).map((t) => t.storage)]);
    current = current.map((c, at) => {
      const operands = c.operands.map((v) =>
        v !== null && moved.has(v.storage) ? { ...v, storage: into } : v,
      );
      if (!adders.includes(at)) return { ...c, operands };
      return { ...c, operands, ints: c.ints.with(WRITE_MODE[c.kernel]!, WRITE.add) };
    });
    current.splice(next, 1);
    next -= 1;
  }
  return current;
}

/** The result of a command is its last operand; it is `view`, in row-major order. */
function writes(command: PendingCommand | undefined, view: View): boolean {
  const last = command?.operands[command.operands.length - 1];
  return last !== null && last !== undefined && last.storage === view.storage && isDense(last);
}

function isReplacing(c: PendingCommand, view: View): boolean {
  const mode = WRITE_MODE[c.kernel];
  const isOne = c.kernel !== "matmul" || c.ints[0] === 1;
  const inputs = c.operands.slice(0, -1);
  return (
    mode !== undefined &&
    isOne &&
    c.ints[mode] === WRITE.replace &&
    writes(c, view) &&
    !inputs.some((v) => v?.storage === view.storage)
  );
}

/** An elementwise command that adds up inputs of one gapless axis, and nothing else. */
function isPlainSum({ kernel, operands, ints }: PendingCommand): boolean {
  if (kernel !== "elementwise" || ints[0] !== 1) return false;
  const inputs = operands.length - 1;
  // [1, n, inputs, strides of inputs…, 1 output, its stride, replace, register, instructions, …]
  const strides = ints.slice(3, 3 + inputs);
  const [outputs, stride, write, , count] = ints.slice(3 + inputs, 8 + inputs);
  const code = ints.slice(8 + inputs);
  return (
    inputs >= 2 &&
    ints[2] === inputs &&
    [...strides, outputs, stride].every((n) => n === 1) &&
    write === WRITE.replace &&
    count === inputs - 1 &&
    code.every((n, i) => i % 4 !== 0 || n === ADD)
  );
}

const ADD = opcodeNumber("add");

function elements({ shape }: View): number {
  return shape.reduce((n, d) => n * d, 1);
}
