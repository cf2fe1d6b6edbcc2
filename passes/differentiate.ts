/** Adds the gradient of the first output for every parameter to the outputs. */
import { differentiate as differentiateGraph } from "../compiler/autodiff/differentiate.ts";
import { definePass, type Pass } from "./pass.ts";

export const differentiate: Pass = definePass({
  name: "differentiate",
  doc: "adds `grad.PATH` for every parameter to the outputs",
  requires: ["composite"],
  establishes: ["differentiated"],
  keeps: ["composite"],
  idempotent: false,
  preserves: false,
  run: (graph, { matched }) => {
    matched();
    return differentiateGraph(graph);
  },
});
