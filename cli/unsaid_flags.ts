/** Flags for what a file of another program leaves unsaid, of the commands that read any format. */
import type { Command } from "commander";
import { badFlagValue } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type BlztOrigin, blztOrigins } from "../formats/blzt_layout.ts";
import type { ReadOptions } from "../formats/format.ts";
import { anyNumber, oneOf } from "./flags.ts";

export interface UnsaidFlags {
  readonly blztOrigin?: BlztOrigin;
  readonly ropeTheta?: number;
  readonly residualScale?: number;
}

/** A reader of numbers above 0 for commander. */
function aboveZero(flag: string): (text: string) => number {
  return (text) => {
    const value = anyNumber(flag)(text);
    if (value > 0) return value;
    throw new UserError(badFlagValue(flag, text, "a number above 0"));
  };
}

export function unsaidFlags(c: Command): void {
  c.option(
    "--blzt-origin <program>",
    "who wrote a BLZT checkpoint of version 2",
    oneOf("--blzt-origin", blztOrigins),
  )
    .option(
      "--rope-theta <base>",
      "the rotary base, if the file lacks it",
      aboveZero("--rope-theta"),
    )
    .option(
      "--residual-scale <factor>",
      "the factor of the residual stream, if the file lacks it",
      aboveZero("--residual-scale"),
    );
}

/** What the user says of a model. */
export function unsaidOptions({ blztOrigin, ropeTheta, residualScale }: UnsaidFlags): ReadOptions {
  return {
    ...(blztOrigin === undefined ? {} : { blztOrigin }),
    ...(ropeTheta === undefined ? {} : { ropeTheta }),
    ...(residualScale === undefined ? {} : { residualScale }),
  };
}
