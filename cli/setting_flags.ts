/** The flags of `anec train` that are settings of the run. */
import type { Command } from "commander";
import { flagsConflict } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { compatNames, compats } from "../training/compat/index.ts";
import { optimizerNames, optimizers } from "../training/optimizers/index.ts";
import { defaultSettings, type TrainSettings } from "../training/options.ts";
import { scheduleNames, schedules } from "../training/schedules/index.ts";
import { anyNumber, oneOf } from "./flags.ts";
import type { TrainDevice } from "./train_device.ts";

/** What `--batch` asks for is looked at elsewhere, and nobody chooses the clock by itself. */
export type SettingFlags = Partial<Omit<TrainSettings, "batch" | "clock" | "zeroth">>;

const standard = defaultSettings;

/** What a setting is by default, also where an optimizer has its own. */
function defaultOf(name: "lr" | "wd" | "beta2"): string {
  const own = optimizers.flatMap((o) =>
    o.settings[name] === undefined ? [] : [`${o.name} ${o.settings[name]}`],
  );
  return [String(standard[name]), ...own].join("; ");
}

function listed(entries: readonly { readonly name: string; readonly doc: string }[]): string {
  return entries.map(({ name, doc }) => `${name}: ${doc}`).join("; ");
}

export function settingFlags(c: Command): void {
  const number = (flag: string, what: string, value?: number | string): void => {
    const text = value === undefined ? what : `${what} (default: ${value})`;
    c.option(`${flag} <n>`, text, anyNumber(flag));
  };
  number("--accum", "micro-steps of one update", standard.accum);
  c.option(
    "--optimizer <name>",
    `${listed(optimizers)} (default: ${standard.optimizer})`,
    oneOf("--optimizer", optimizerNames),
  );
  number("--lr", "highest learning rate", defaultOf("lr"));
  number("--lr-matrix", "its factor for matrices; 0 leaves them as they are", standard.lrMatrix);
  number("--lr-embed", "its factor for the embedding", standard.lrEmbed);
  number("--lr-norm", "its factor for norms and biases", standard.lrNorm);
  c.option(
    "--schedule <name>",
    `how it falls. ${listed(schedules)} (default: ${standard.schedule})`,
    oneOf("--schedule", scheduleNames),
  );
  number("--warmup", "updates until it is reached", standard.warmup);
  number("--min-lr", "the lowest rate, as a part of the highest", standard.minLr);
  number("--cooldown", "wsd: the part of the run in which it falls", standard.cooldown);
  number("--clip", "largest norm of a gradient, 0 for none", standard.clip);
  c.option("--sanitize", "make gradients finite: NaN 0, infinities ±65504, counted and said");
  number("--wd", "weight decay of matrices", defaultOf("wd"));
  number("--wd-embed", "its factor for the embedding", standard.wdEmbed);
  number("--wd-norm", "its factor for norms and biases", standard.wdNorm);
  number("--beta1", "of AdamW and Lion, and the momentum of SGD", standard.beta1);
  number("--beta2", "of AdamW and Lion", defaultOf("beta2"));
  number("--seed", "of initial values and windows", standard.seed);
  number("--val-every", "micro-steps between validations, 0 for only the last", standard.valEvery);
  c.option("--no-compact", "keep a row for every id, not only for those in the data").option(
    "--compat <name>",
    `the defaults, initial values, groups and windows of another system. ${listed(compats)}`,
    oneOf("--compat", compatNames),
  );
  number("--loss-scale", "ane, emulator: factor of the loss, a power of 2 (default: found)");
  number("--adaptive", "ane, emulator: go on on the cpu above this |x| of the residual stream");
  number("--adaptive-window", "micro-steps in a row above it", standard.adaptiveWindow);
}

/** The settings that were given. */
export function settingsOf(
  flags: SettingFlags & { readonly batch?: number | "auto" },
): Partial<TrainSettings> {
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(defaultSettings) as (keyof TrainSettings & keyof SettingFlags)[]) {
    // Commander sets the flag of `--no-compact` to true when it is not given.
    const isGiven = name === "compact" ? flags.compact === false : flags[name] !== undefined;
    if (isGiven) settings[name] = flags[name];
  }
  if (typeof flags.batch === "number") settings["batch"] = flags.batch;
  else delete settings["batch"];
  return settings;
}

/** Throws a `UserError` (E0959) for settings of the engine without one. */
export function checkEngineSettings(flags: SettingFlags, device: TrainDevice): void {
  const given = [
    ["--loss-scale", flags.lossScale],
    ["--adaptive", flags.adaptive],
    ["--adaptive-window", flags.adaptiveWindow],
  ].find(([, value]) => value !== undefined);
  if (given === undefined || device !== "cpu") return;
  const why = "It is about the engine: give `--device ane` or `--device emulator`.";
  throw new UserError(flagsConflict(given.join(" "), "--device cpu", why));
}
