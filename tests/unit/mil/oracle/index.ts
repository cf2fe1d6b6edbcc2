/** All formulas. A test holds them against the table of ops: what runs has one. */
import type { OracleCase } from "../../../support/mil_oracle.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { GATHERS } from "./gathers.ts";
import { IMAGES } from "./images.ts";
import { PRODUCTS } from "./products.ts";
import { RECURRENT } from "./recurrent.ts";
import { REDUCE } from "./reduce.ts";
import { RESAMPLE } from "./resample.ts";
import { SHAPES } from "./shapes.ts";
import { WEIGHTS } from "./weights.ts";

export const ORACLE: readonly OracleCase[] = [
  ...ELEMENTWISE,
  ...REDUCE,
  ...PRODUCTS,
  ...IMAGES,
  ...SHAPES,
  ...GATHERS,
  ...WEIGHTS,
  ...RESAMPLE,
  ...RECURRENT,
];
