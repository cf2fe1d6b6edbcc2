/** `anec train` with adapters and without gradients: what it refuses. */
import { readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { type FineTuneFlags, fineTuned, loraOf } from "../../cli/fine_tune_flags.ts";
import { checkResumeFlags } from "../../cli/resume_flags.ts";
import { mezoNeedsOther, noLoraTarget } from "../../compiler/messages/fine_tuning.ts";
import type { Checkpoint } from "../../training/checkpoint.ts";
import { defaultSettings } from "../../training/options.ts";
import { anec, inNewFolder } from "./cli_support.ts";

test("flags that have nothing to do are refused", () => {
  const refused: (readonly [FineTuneFlags & Partial<Record<string, unknown>>, string])[] = [
    [{ method: "mezo", accum: 4 }, "`--accum` does not go with `--method mezo`"],
    [{ method: "fzoo", clip: 1 }, "`--clip` does not go with `--method fzoo`"],
    [{ method: "mezo", optimizer: "lion" }, "`--optimizer` does not go with `--method mezo`"],
    [{ method: "mezo", schedule: "wsd" }, "`--schedule` does not go with `--method mezo`"],
    [{ method: "fzoo", lrEmbed: 2 }, "`--lr-embed` does not go with `--method fzoo`"],
    [{ method: "mezo", sanitize: true }, "`--sanitize` does not go with `--method mezo`"],
    [{ method: "mezo", probes: 4 }, "`--probes` does not go with `--method mezo`"],
    [{ eps: 1e-3 }, "`--eps` does not go with `--method backprop`"],
    [{ lora: 4, loraMerged: true }, "`--lora-merged` does not go with `--method backprop`"],
    [{ lora: 4, device: "emulator", ane: "full" }, "`--ane full` does not go with `--lora`"],
    [{ method: "mezo", ane: "full" }, "`--ane full` does not go with `--method mezo`"],
  ];
  for (const [flags, words] of refused) expect(() => fineTuned(flags, {})).toThrow(words);
  for (const flags of [
    { loraAlpha: 8 },
    { loraFfn: true },
    { loraNorms: false },
    { loraMerged: true },
  ] as const)
    expect(() => loraOf(flags)).toThrow("does not go with `training every weight`");
  expect(() => loraOf({ lora: 0 })).toThrow("--lora");
  expect(() => loraOf({ lora: 2, loraFfn: true, loraTargets: ["wq"] })).toThrow(
    "`--lora-ffn` does not go with `--lora-targets`",
  );
});

test("adapters of a file are trained at the rate of adapters", () => {
  expect(fineTuned({ method: "mezo" }, {}).lr).toBe(1e-5);
  expect(fineTuned({ method: "mezo", lora: 2 }, {}).lr).toBe(1e-4);
  expect(fineTuned({ method: "mezo", adapters: "a" }, {}).lr).toBe(1e-4);
});

test("adapters as they are asked for", () => {
  expect(loraOf({})).toBeUndefined();
  expect(loraOf({ lora: 8 })).toEqual({
    ...{ rank: 8, scale: 1, targets: ["wq", "wk", "wv", "wo"], norms: true },
  });
  const all = loraOf({ lora: 8, loraAlpha: 16, loraFfn: true, loraNorms: false });
  expect(all).toMatchObject({ scale: 2, norms: false });
  expect(all?.targets).toHaveLength(7);
  expect(loraOf({ lora: 8, loraMerged: true })).toEqual({ ...loraOf({ lora: 8 }), form: "merged" });
});

test("a run that is resumed keeps its method and its adapters", () => {
  const checkpoint = {
    path: "a.ckpt",
    model: { entry: "tiny" },
    data: { name: "toy", tokens: 100 },
    settings: { ...defaultSettings, zeroth: { method: "mezo", epsilon: 2 ** -10, probes: 4 } },
  } as unknown as Checkpoint;
  const check = (flags: FineTuneFlags) => () =>
    checkResumeFlags({ ...flags, resume: "a.ckpt" }, checkpoint);
  expect(check({ method: "mezo" })).not.toThrow();
  expect(check({ method: "backprop" })).toThrow("is one of `--method mezo`, not `backprop`");
  expect(check({ lora: 4 })).toThrow("`--lora` does not go with `--resume a.ckpt`");
  const unbound = { ...checkpoint, data: { ...checkpoint.data, tokens: 0 }, tensors: new Map() };
  const converted = (data?: string) => () => checkResumeFlags({ ...(data && { data }) }, unbound);
  expect(converted("a.bin")).toThrow("`a.ckpt` holds no moments of an optimizer");
  unbound.tensors.set("adam.m.embed.weight", undefined);
  expect(converted()).toThrow("`a.ckpt` was converted, and does not say which data");
  expect(converted("a.bin")).not.toThrow();
  const clipped = { clip: 1 } as FineTuneFlags;
  expect(check(clipped)).toThrow("`--clip` does not go with `--method mezo`");
});

const RUN = [
  ...["train", "--data", "builtin:stories", "--threads", "1", "--json", "--accum", "2"],
  ...["--warmup", "1"],
];
const TINY = ["--model", "tiny", "-D", "D=32", "-D", "F=64", "-D", "L=1"];

/** The first validation, before any update, and the last. */
function validationsOf(out: string): readonly [first: number, last: number] {
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const first = events.find((event) => event.event === "validation");
  return [first.loss, events.at(-1).validationLoss];
}

test("adapters leave a run, and come back beside the model they were trained on, and no other", async () => {
  inNewFolder();
  const ok = async (argv: readonly string[]): Promise<string> => {
    const { code, out, err } = await anec(argv);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return out;
  };
  await ok([...RUN, ...TINY, "--steps", "6", "--no-compact", "--out", "base.ckpt"]);
  const adapt = [...RUN, "--no-compact", "--init", "base.ckpt", "--lr", "0.02"];
  const course = await ok([...adapt, "--lora", "2", "--steps", "12", "--out", "run.ckpt"]);
  expect(await ok(["adapters", "run.ckpt", "own.adapters"])).toContain("of rank 2, beside wq, wk");
  expect((await anec(["adapters", "run.ckpt", "own.adapters"])).err).toContain("E0749");
  expect(statSync("own.adapters").size).toBeLessThan(statSync("run.ckpt").size / 10);

  // The loss at the end of the run is the one that a run with its adapters begins with.
  const again = [...adapt, "--adapters", "own.adapters", "--steps", "1", "--out", "again.ckpt"];
  const [before] = validationsOf(await ok(again));
  expect(before).toBe(validationsOf(course)[1]);
  expect(before).toBeLessThan(validationsOf(course)[0]);
  const lossOf = async (argv: readonly string[]): Promise<number> =>
    JSON.parse(await ok(["eval", ...argv, "--data", "builtin:stories", "--json"])).loss;
  expect(await lossOf(["base.ckpt", "--adapters", "own.adapters"])).toBe(
    await lossOf(["run.ckpt"]),
  );
  const greedy = ["--temperature", "0", "--tokens", "8", "--prompt", "The"];
  expect(await ok(["generate", "base.ckpt", "--adapters", "own.adapters", ...greedy])).toBe(
    await ok(["generate", "run.ckpt", ...greedy]),
  );
  await anec(["convert", "run.ckpt", "a.gguf"]);
  await anec(["convert", "base.ckpt", "b.gguf", "--adapters", "own.adapters"]);
  expect(readFileSync("a.gguf").equals(readFileSync("b.gguf"))).toBe(true);

  await ok([...RUN, "--init", "base.ckpt", "--no-compact", "--steps", "2", "--out", "other.ckpt"]);
  const stale = await anec(["eval", "other.ckpt", "--adapters", "own.adapters"]);
  expect(stale.code).toBe(1);
  expect(stale.err).toContain(
    "error[E0944]: the adapters of `own.adapters` were trained beside other weights than those of `other.ckpt`",
  );
}, 120_000);

test.each([
  [[...TINY, "--adapters", "a"], "`--adapters` does not go with `random weights`"],
  [["--init", "m", "--adapters", "a", "--lora", "4"], "`--lora` does not go with `--adapters`"],
])("train %j is refused", async (flags, words) => {
  inNewFolder();
  const { code, err } = await anec([...RUN, ...flags]);
  expect(code).toBe(2);
  expect(err).toContain(words);
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
