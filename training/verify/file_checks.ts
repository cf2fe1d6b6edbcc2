/** Checks of the file itself, before anything in it is believed. */
import type { Tensor } from "../../formats/tensor.ts";
import { toFloat32 } from "../../formats/tensor.ts";
import { type Check, judged, type Outcome, skip } from "./check.ts";
import type { Subject } from "./subject.ts";

/** Codes that mean "of another version". */
const VERSIONS = ["E0722", "E0771", "E0781", "E0789"];

export const fileChecks: readonly Check[] = [
  {
    name: "file_magic",
    shows: "the first bytes are those of a format of models",
    run: ({ format }) => judged(format !== null, format ?? "no known format"),
  },
  {
    name: "file_version",
    shows: "the format is of a version that is read",
    run: ({ format, failure }) => {
      if (format === null) return skip("the format is not known");
      const isOther = failure !== null && VERSIONS.includes(failure.code);
      return judged(!isOther, isOther ? failure.title : `${format}, a version that is read`);
    },
  },
  {
    name: "file_whole",
    shows: "the file is as long as its header says, and everything in it can be read",
    run: ({ opened, failure, layout }) => {
      if (opened === null) return judged(false, failure?.title ?? "it could not be read");
      const last = layout?.sections[layout.sections.length - 1];
      const { size } = opened.checkpoint.tensors;
      return judged(
        true,
        last === undefined ? `${size} tensors` : `${last.offset + last.bytes} bytes`,
      );
    },
  },
  {
    name: "weights_finite",
    shows: "every weight and every moment is a finite number",
    run: ({ opened }) => {
      if (opened === null) return skip("it could not be opened");
      let count = 0;
      for (const [name, tensor] of opened.checkpoint.tensors) {
        const bad = firstNotFinite(tensor);
        if (bad !== undefined) return judged(false, `\`${name}\` holds ${bad}`);
        count += tensor.data.length / 4;
      }
      return judged(true, `${count} numbers`);
    },
  },
  {
    name: "weights_differ",
    shows: "no matrix is one number throughout, as an untouched buffer is",
    run: ({ opened }) => {
      if (opened === null) return skip("it could not be opened");
      for (const [name, tensor] of opened.checkpoint.tensors) {
        if (name.startsWith("param.") && tensor.shape.length >= 2 && isConstant(tensor)) {
          return judged(false, `\`${name}\` is ${toFloat32(tensor)[0]} throughout`);
        }
      }
      return judged(true, "every matrix varies");
    },
  },
];

function firstNotFinite(tensor: Tensor): number | undefined {
  for (const value of toFloat32(tensor)) if (!Number.isFinite(value)) return value;
  return undefined;
}

function isConstant(tensor: Tensor): boolean {
  const values = toFloat32(tensor);
  return values.length > 1 && values.every((value) => value === values[0]);
}

/** Runs `work` on what was opened. */
export function withOpened(
  subject: Subject,
  work: (opened: NonNullable<Subject["opened"]>) => Outcome,
): Outcome {
  return subject.opened === null ? skip("it could not be opened") : work(subject.opened);
}
