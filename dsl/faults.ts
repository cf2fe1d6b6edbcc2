/** What an op's shape rule found, as a message with the shapes under the user's operands. */
import type { ShapeFault, ShapeProblem } from "../compiler/ir/problem.ts";
import { sameDim, shapeName, type TensorType } from "../compiler/ir/types.ts";
import * as messages from "../compiler/messages/types.ts";
import type { Diagnostic } from "../compiler/support/diagnostic.ts";
import type { Span } from "../compiler/support/source.ts";
import { editDistance } from "../compiler/support/suggest.ts";
import { factorDifference } from "./rearrange.ts";

/** Where a fault is shown. A graph made by the builder has no places. */
export interface Place {
  /** Spans of the operands, in order. */
  readonly operands: readonly (Span | undefined)[];
  /** Their texts: what a suggestion is near to. */
  readonly texts?: readonly string[];
  readonly types?: readonly TensorType[];
  /** The expression as a whole. */
  readonly whole: Span | undefined;
  /** Where the new shape is written. */
  readonly target?: Span;
  /** Parameters in scope, for suggestions. */
  readonly candidates?: readonly messages.Candidate[];
}

/** How the language spells an op. */
const SPELLED: Readonly<Record<string, string>> = {
  matmul: "@",
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  neg: "-",
  transpose: "'",
  repeat_heads: "share",
  causal_mask: "causal",
  reduce_sum: "sum",
  reduce_mean: "mean",
  reduce_max: "max",
};

export const spelled = (op: string): string => SPELLED[op] ?? op;

export function faultDiagnostic(problem: ShapeProblem, place: Place): Diagnostic {
  const { fault } = problem;
  const op = spelled(problem.op);
  const operand = (i: number, type: TensorType) => ({
    span: place.operands[i],
    type: place.types?.[i] ?? type,
  });
  switch (fault.kind) {
    case "matmul":
      return messages.matmulOperandsDoNotFit(
        operand(0, fault.x),
        operand(1, fault.y),
        fittingParameter(fault, place),
      );
    case "broadcast":
      return messages.cannotBroadcast(
        op,
        { span: place.operands[0], type: fault.x },
        { span: place.operands[1], type: fault.y },
      );
    case "rank":
      return messages.wrongRank(op, operand(fault.operand, fault.type), fault.needs);
    case "dtype":
      return messages.wrongElementType(op, operand(fault.operand, fault.type), fault.needs);
    case "dims": {
      const { what, expected, found } = fault;
      return messages.wrongDimension(op, operand(fault.operand, fault.type), what, expected, found);
    }
    case "attribute":
      return messages.wrongAttribute(place.whole, op, fault.name, fault.value, fault.needs);
    case "reshape": {
      if (problem.op !== "as") return messages.sizesDiffer(place.whole, fault.from, fault.to);
      const { missing, extra } = factorDifference(fault.from, fault.to);
      const x = { span: place.operands[0], type: { dtype: "f32" as const, shape: fault.from } };
      return messages.cannotRearrange(x, place.target, shapeName(fault.to), missing, extra);
    }
    case "share": {
      const x = operand(0, { dtype: "f32", shape: [fault.from] });
      return messages.cannotShare(x, fault.from, fault.to);
    }
    case "arity":
      return messages.wrongOperandCount(place.whole, op, fault.expected, fault.found);
    default:
      return fault satisfies never;
  }
}

/** A parameter in scope that fits where the right operand of `@` does not: the one named most alike. */
function fittingParameter(
  fault: ShapeFault & { kind: "matmul" },
  place: Place,
): messages.Candidate | undefined {
  const inner = fault.x.shape.at(-1);
  const text = place.texts?.[1] ?? "";
  if (inner === undefined || !/^\w+$/.test(text)) return undefined;
  const fitting = (place.candidates ?? []).filter(
    ({ name, type }) => name !== text && type.shape.length === 2 && sameDim(type.shape[0]!, inner),
  );
  return fitting.sort((a, b) => editDistance(a.name, text) - editDistance(b.name, text))[0];
}
