/** Symbols of a program with several functions. */
import { defineFact, type Finding, reported } from "./define.ts";

export const procedureIndices = defineFact({
  id: "procedure_indices",
  statement:
    "Inputs of all functions of a program are numbered together; a request for a later function does not start at 0.",
  kind: "runtime",
  evidence: [
    reported(
      "thebasedcapital/ane-infer docs/ane-internals.md",
      "function k of one input has index k, error 0x2 otherwise, M5",
    ),
    reported("jundot/omlx issue 3097", "ships banks of functions this way"),
  ],
  *checkRun({ handover }): Generator<Finding> {
    const { index = 0, inputIndices = [] } = handover?.procedure ?? {};
    if (index > 0 && inputIndices.includes(0))
      yield { title: `the request for function ${index} uses input symbol 0` };
  },
  apple: "status=0x2",
  workaround: "read the indices of each function from the attributes of the compiled model",
  emulator: "numbers symbols the same way and fails with 0x2",
  examples: {
    fires: { chip: "m5", handover: { procedure: { index: 2, inputIndices: [0] } } },
    silent: { chip: "m5", handover: { procedure: { index: 2, inputIndices: [2] } } },
  },
});
