/** A program without `[buildInfo = …]`, and one of the old dialect. */

import { milProgram } from "../../mil/build.ts";
import { milFunction } from "../../mil/build_ops.ts";
import { line, program } from "../facts/examples.ts";
import { defineProbe, questionClaim } from "./define.ts";
import { readRefusals, refusalClaim } from "./refusal.ts";
import { compile, compileExample } from "./steps.ts";

const usual = milProgram([
  milFunction("main", [{ name: "x", shape: [1, 4, 1, 32] }], (b) => ({
    y: b.mul(b.input("x"), b.scalar(2)),
  })),
]);

/** Version 1.0, in which every scalar is a tensor without dimensions. */
const verbose = program(
  "tensor<fp16, [1, 4, 1, 32]> x",
  `tensor<fp16, []> two = const()[name = tensor<string, []>("two"), val = tensor<fp16, []>(0x1p1)];
   ${line("y", [1, 4, 1, 32], "mul(x = x, y = two)").replace('string("y")', 'tensor<string, []>("y")')}`,
)
  .replace("program(1.3)", "program(1.0)")
  .replace("ios18", "ios16")
  .replace(
    /\[buildInfo.*\n/,
    '[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc-version", "3505.4.1"}})]\n',
  );

export const buildInfo = defineProbe({
  name: "build_info",
  asks: "Which forms of a program are read: without build information, and in the dialect of 1.0?",
  steps: () => [
    compile("usual", usual),
    compile("without", { ...usual, attributes: [] }),
    compileExample("verbose", verbose),
  ],
  claims: [
    refusalClaim("build_info", {
      trials: ["without"],
      controls: ["usual"],
      weSay: "holds",
      notEmulated: true,
    }),
    questionClaim("missing_build_info", {
      answers: ["refused", "accepted"],
      expects: ({ device }) => (device === "emulator" ? "accepted" : "refused"),
      needs: ["usual"],
      read: (o) => readRefusals(o, ["without"]),
    }),
    questionClaim("dialects", {
      answers: ["both", "short literals", "tensors for scalars", "neither"],
      expects: "both",
      needs: [],
      read: (o) => {
        const [short, long] = ["usual", "verbose"].map(
          (label) => o.get(label)?.kind === "compiled",
        );
        if (short === true) return { answer: long === true ? "both" : "short literals" };
        return { answer: long === true ? "tensors for scalars" : "neither" };
      },
    }),
  ],
});
