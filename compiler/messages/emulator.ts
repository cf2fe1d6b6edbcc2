/**
 * E064x: what the emulated engine could not do with a program.
 *
 * The emulator says it in its own words, with line and column of the text it was given; these are the pages
 * behind its codes.
 */
import { inItsWords } from "./ane.ts";
import { message } from "./message.ts";

export const emulatorText = message(
  "E0640",
  {
    summary: "the emulator cannot read a program",
    explain:
      "The text is not MIL, or says something that does not hold: a name that is not defined, an argument " +
      "that an op does not have, a declared shape that is not what the op gives. The place is `line:column`. " +
      "`anec mil check` names more faults at once, and mends what it can.",
  },
  inItsWords,
);

export const emulatorOp = message(
  "E0641",
  {
    summary: "the emulator has no such op or type",
    explain:
      "The text may well be MIL, but the emulator cannot compute it: an op or a type that it does not know, " +
      "dimensions that are not known, an argument that has to be constant. `docs/emulator.md` says what it " +
      "imitates.",
  },
  inItsWords,
);

export const emulatorWeights = message(
  "E0642",
  {
    summary: "a weight file does not hold what a program reads from it",
    explain:
      "`BLOBFILE(path, offset)` names a record of a weight file. The file was not given, it has no record at " +
      "that offset, or the record's type or size is not that of the constant. Files and text are made " +
      "together, so this is mostly a file that was cut short or belongs to another program.",
  },
  inItsWords,
);

export const emulatorMemory = message(
  "E0643",
  {
    summary: "there is no memory for the values of a program",
    explain:
      "The emulator keeps every value of a function that is alive at once in the memory of this computer, " +
      "and the system did not give it that much. A smaller sequence or fewer layers in one program need less.",
  },
  inItsWords,
);

export const emulatorValue = message(
  "E0644",
  {
    summary: "a program met a value that it cannot use",
    explain:
      "An op found in its data what no shape can tell: an index beyond the axis it points into. The message " +
      "names the function and what was wrong.",
  },
  inItsWords,
);

export const emulatorPort = message(
  "E0645",
  {
    summary: "a function of the emulator was called with the wrong ports",
    explain:
      "There is no function of that name, or it was given another number of inputs and outputs than it has, " +
      "or memory of another type or too small. `anec` reads ports from the program itself, so this is a " +
      "mistake of a program that calls the emulator's library.",
  },
  inItsWords,
);
