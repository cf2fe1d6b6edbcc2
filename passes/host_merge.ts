/**
 * Host commands that one kernel call can do together.
 *
 *     cross_entropy      (z, targets) → loss           cross_entropy_both (z, targets, dloss) → loss, dz
 *     cross_entropy_grad (z, targets, dloss) → dz  ⇒
 *
 * The later command becomes both, so nothing in between may touch what the earlier one writes.
 */
import type { View } from "../compiler/ops/host.ts";
import type { PendingCommand } from "./plan_builder.ts";

/** The commands of a program, in order, with those merged that can be. */
export function mergeCommands(commands: readonly PendingCommand[]): PendingCommand[] {
  const merged = [...commands];
  for (let late = 0; late < merged.length; late++) {
    const gradient = merged[late]!;
    if (gradient.kernel !== "cross_entropy_grad") continue;
    const early = merged.findIndex((c, at) => at < late && isLossOf(gradient, c));
    if (early < 0) continue;
    const loss = merged[early]!;
    const between = merged.slice(early + 1, late);
    if (between.some((c) => touches(c, loss.operands[2]!) || touches(c, loss.operands[0]!)))
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

function sameView(a: View, b: View): boolean {
  return (
    a.storage === b.storage &&
    a.offset === b.offset &&
    String(a.shape) === String(b.shape) &&
    String(a.strides) === String(b.strides)
  );
}
