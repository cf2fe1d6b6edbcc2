/** Flags that name a chip and a version of macOS. */
import type { Command } from "commander";
import { badFlagValue } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { CHIP_NAMES, type ChipName } from "../compiler/target/chip_names.ts";
import { known, type WordReader } from "./flags.ts";

export interface ChipFlags {
  readonly chip?: ChipName;
  readonly os?: string;
}

/** `--chip` and `--os`. */
export function chipFlags(c: Command, what: string): void {
  c.option("--chip <chip>", what, chipReader).option(
    "--os <version>",
    "a version of macOS such as 15.7 (default: any)",
    osVersion,
  );
}

const chipReader: WordReader<ChipName> = Object.assign(oneChip, { words: CHIP_NAMES });

/** `M2 Pro` is `m2_pro`. */
function oneChip(text: string): ChipName {
  const name = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");
  return known("chip", name, CHIP_NAMES) as ChipName;
}

function osVersion(text: string): string {
  if (/^\d{1,2}(\.\d{1,2}){0,2}$/.test(text)) return text;
  throw new UserError(badFlagValue("--os", text, "a version such as 15.7"));
}
