/** `docs/compatibility.md`: what each preset of `--compat` repeats, from the presets themselves. */
import type { TrainSettings } from "../options.ts";
import { compats } from "./index.ts";

/** The page, in Markdown. */
export function compatibilityPage(): string {
  const parts = compats.map(({ name, doc, settings, choices, leftOut }) => {
    const set = Object.entries(settings as Partial<TrainSettings>);
    return [
      `## \`--compat ${name}\`: ${doc}`,
      "| choice | what it is | source |\n| --- | --- | --- |\n" +
        choices.map((c) => `| ${c.what} | ${c.theirs} | ${c.source} |`).join("\n"),
      `Settings: ${set.map(([key, value]) => `\`${key}\` ${value}`).join(", ")}.`,
      `Not repeated:\n\n${leftOut.map((text) => `- ${text}`).join("\n")}`,
    ].join("\n\n");
  });
  return `${[
    "# Compatibility",
    "`anec train --compat NAME` repeats the choices of another system's trainer. Settings that are given as " +
      "flags come before those of the preset. Checkpoints keep what was chosen, setting by setting.",
    ...parts,
  ].join("\n\n")}\n`;
}
