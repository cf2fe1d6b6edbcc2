/** `anec train` with adapters and without gradients: what it refuses. */
import { expect, test } from "vitest";
import { type FineTuneFlags, fineTuned, loraOf } from "../../cli/fine_tune_flags.ts";
import { checkResumeFlags } from "../../cli/resume_flags.ts";
import { mezoNeedsOther, noLoraTarget } from "../../compiler/messages/fine_tuning.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { defaultSettings } from "../../training/options.ts";

test("flags that have nothing to do are refused", () => {
  const refused: (readonly [FineTuneFlags & Partial<Record<string, unknown>>, string])[] = [
    [{ method: "mezo", accum: 4 }, "`--accum` does not go with `--method mezo`"],
    [{ method: "fzoo", clip: 1 }, "`--clip` does not go with `--method fzoo`"],
    [{ method: "mezo", probes: 4 }, "`--probes` does not go with `--method mezo`"],
    [{ eps: 1e-3 }, "`--eps` does not go with `--method backprop`"],
    [{ lora: 4, device: "emulator" }, "`--lora` does not go with `--device emulator`"],
  ];
  for (const [flags, words] of refused) expect(() => fineTuned(flags, {})).toThrow(words);
  for (const flags of [{ loraAlpha: 8 }, { loraFfn: true }, { loraNorms: false }] as const)
    expect(() => loraOf(flags)).toThrow("does not go with `training every weight`");
  expect(() => loraOf({ lora: 0 })).toThrow("--lora");
  expect(() => loraOf({ lora: 2, loraFfn: true, loraTargets: ["wq"] })).toThrow(
    "`--lora-ffn` does not go with `--lora-targets`",
  );
});

test("adapters as they are asked for", () => {
  expect(loraOf({})).toBeUndefined();
  expect(loraOf({ lora: 8 })).toEqual({
    ...{ rank: 8, scale: 1, targets: ["wq", "wk", "wv", "wo"], norms: true },
  });
  const all = loraOf({ lora: 8, loraAlpha: 16, loraFfn: true, loraNorms: false });
  expect(all).toMatchObject({ scale: 2, norms: false });
  expect(all?.targets).toHaveLength(7);
});

test("a run that is resumed keeps its method and its adapters", () => {
  const checkpoint = {
    path: "a.ckpt",
    model: { entry: "tiny" },
    settings: { ...defaultSettings, zeroth: { method: "mezo", epsilon: 2 ** -10, probes: 4 } },
  } as unknown as Checkpoint;
  const check = (flags: FineTuneFlags) => () =>
    checkResumeFlags({ ...flags, resume: "a.ckpt" }, checkpoint);
  expect(check({ method: "mezo" })).not.toThrow();
  expect(check({ method: "backprop" })).toThrow("is one of `--method mezo`, not `backprop`");
  expect(check({ lora: 4 })).toThrow("`--lora` does not go with `--resume a.ckpt`");
});

test("messages say what there is", () => {
  expect(noLoraTarget(["query"], ["wk", "wq"])).toMatchObject({
    code: "E0940",
    title: "the model has no weight called `query` that could have an adapter",
    help: [{ text: "it has `wk` and `wq`" }],
  });
  expect(mezoNeedsOther("a.ckpt", "mezo", "backprop")).toMatchObject({
    code: "E0941",
    title: "the run of `a.ckpt` is one of `--method mezo`, not `backprop`",
    help: [{ text: "to begin a new run with its weights, give `--init a.ckpt`" }],
  });
});
