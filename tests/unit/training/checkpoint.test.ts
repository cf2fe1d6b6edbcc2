/** Every fault that a checkpoint file can have. */

import { createHash } from "node:crypto";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskFileSystem } from "../../../compiler/support/atomic_write.ts";
import { parseSafetensors, writeSafetensors } from "../../../formats/safetensors.ts";
import { fromFloat32, type Tensor } from "../../../formats/tensor.ts";
import { readCheckpoint } from "../../../training/checkpoint.ts";
import { resumeTrainer } from "../../../training/resume.ts";
import { errorOf, testFolder } from "../data/support.ts";
import { closing, SMALL, smallTrainer, tiny, toyData } from "./support.ts";

function saved(steps = 6): string {
  const path = join(testFolder(), "a.ckpt");
  const trainer = smallTrainer();
  for (let i = 0; i < steps; i++) trainer.step();
  trainer.save(path);
  return path;
}

const errorIn = async (path: string, work: () => unknown) =>
  (await errorOf(work)).replaceAll(path, "a.ckpt");

const readError = (path: string) => errorIn(path, () => readCheckpoint(path));

const resumeError = (path: string) =>
  errorIn(path, () =>
    closing(resumeTrainer({ checkpoint: readCheckpoint(path), data: toyData() })),
  );

interface Contents {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

/** Rewrites a checkpoint after `change`, with a digest that fits unless told otherwise. */
function rewrite(path: string, change: (contents: Contents) => void, { digest = true } = {}): void {
  const { tensors, metadata } = parseSafetensors(readFileSync(path), path);
  const contents: Contents = { tensors: new Map(tensors), metadata: { ...metadata } };
  change(contents);
  if (digest) {
    const hash = createHash("sha256");
    for (const key of Object.keys(contents.metadata).sort()) {
      if (key !== "digest") hash.update(JSON.stringify([key, contents.metadata[key]]));
    }
    for (const name of [...contents.tensors.keys()].sort()) {
      const { dtype, shape, data } = contents.tensors.get(name)!;
      hash.update(JSON.stringify([name, dtype, shape])).update(data);
    }
    contents.metadata["digest"] = hash.digest("hex");
  }
  writeSafetensors(path, contents.tensors, contents.metadata);
}

test("it holds the model, the data, the settings and the state", () => {
  const checkpoint = readCheckpoint(saved());
  expect(checkpoint.model).toEqual({ source: tiny, entry: "tiny", overrides: SMALL });
  expect(checkpoint.data).toMatchObject({
    name: "toy",
    tokens: 2000,
    tokenizer: "toy",
    bytesPerToken: 2,
  });
  expect(checkpoint.state).toMatchObject({ step: 6, updates: 1, group: { count: 2 } });
  expect(checkpoint.settings).toMatchObject({ steps: 20, accum: 4, seed: 42 });
  expect(checkpoint.vocabulary).toMatchObject({ dim: "V", full: 40, size: 31 });
  expect([...checkpoint.tensors.keys()].filter((name) => name.includes("norm.weight"))).toContain(
    "grad.norm.weight",
  );
  const closed = readCheckpoint(saved(4));
  expect([...closed.tensors.keys()].some((name) => name.startsWith("grad."))).toBe(false);
});

test("nothing in it depends on when it was written", () => {
  expect(readFileSync(saved())).toEqual(readFileSync(saved()));
});

test("no file", async () => {
  const path = join(testFolder(), "a.ckpt");
  expect(await readError(path)).toBe("E0706 there is no file `a.ckpt`");
});

test("a file that was cut off", async () => {
  const path = saved();
  const { length } = readFileSync(path);
  truncateSync(path, length - 1000);
  expect(await readError(path)).toMatch(/^E0716 `a.ckpt`: tensor `.*` takes bytes .* of data$/);
  truncateSync(path, 100);
  expect(await readError(path)).toBe(
    "E0711 `a.ckpt` is cut off or not a safetensors file: its header does not fit",
  );
  truncateSync(path, 0);
  expect(await readError(path)).toMatch(/^E0710 /);
});

test("a byte that changed", async () => {
  const path = saved();
  const bytes = readFileSync(path);
  bytes[bytes.length - 500]! ^= 1;
  writeFileSync(path, bytes);
  expect(await readError(path)).toBe(
    "E0724 the checkpoint `a.ckpt` is damaged: its contents do not match its digest",
  );
});

test("a number in the description that changed", async () => {
  const path = saved();
  rewrite(
    path,
    ({ metadata }) => (metadata["state"] = metadata["state"]!.replace('"step":6', '"step":7')),
    {
      digest: false,
    },
  );
  expect(await readError(path)).toMatch(/^E0724 /);
});

test("a file of another program", async () => {
  const path = join(testFolder(), "a.ckpt");
  writeSafetensors(path, new Map([["w", fromFloat32([1], Float32Array.of(1))]]), { format: "pt" });
  expect(await readError(path)).toBe(
    "E0721 `a.ckpt` is a safetensors file, but not a checkpoint of anec",
  );
  writeFileSync(path, "a text that is no checkpoint");
  expect(await readError(path)).toMatch(/^E0711 /);
});

test("another version", async () => {
  const path = saved();
  rewrite(path, ({ metadata }) => (metadata["version"] = "9"));
  expect(await readError(path)).toBe(
    "E0722 the checkpoint `a.ckpt` is of version 9; this anec reads version 1",
  );
});

test.each<[string, (contents: Contents) => void]>([
  ["it does not say `state`", ({ metadata }) => delete metadata["state"]],
  ["its `model` is not a JSON object", ({ metadata }) => (metadata["model"] = "{")],
  ["its `data` is not a JSON object", ({ metadata }) => (metadata["data"] = "[]")],
  [
    "`step` of its `state` makes no sense",
    ({ metadata }) => (metadata["state"] = metadata["state"]!.replace('"step":6', '"step":-6')),
  ],
  [
    "`random` of its `state` makes no sense",
    ({ metadata }) => {
      const state = JSON.parse(metadata["state"]!) as Record<string, unknown>;
      metadata["state"] = JSON.stringify({ ...state, random: { hi: 2 ** 24, lo: 0 } });
    },
  ],
  [
    "`lr` of its `settings` makes no sense",
    ({ metadata }) =>
      (metadata["settings"] = metadata["settings"]!.replace(/"lr":[^,]+/, '"lr":"x"')),
  ],
  ["its vocabulary makes no sense", ({ tensors }) => tensors.delete("vocabulary")],
  [
    "its vocabulary makes no sense",
    ({ tensors }) => {
      const { data, ...rest } = tensors.get("vocabulary")!;
      const ids = new Int32Array(Uint8Array.from(data).buffer).reverse();
      tensors.set("vocabulary", { ...rest, data: new Uint8Array(ids.buffer) });
    },
  ],
])("a damaged description: %s", async (what, change) => {
  const path = saved();
  rewrite(path, change);
  expect(await readError(path)).toBe(`E0723 the checkpoint \`a.ckpt\` is damaged: ${what}`);
});

test.each<[string, (contents: Contents) => void]>([
  [
    "E0726 the checkpoint `a.ckpt` has no tensor `adam.v.block.0.attn.wq`",
    ({ tensors }) => tensors.delete("adam.v.block.0.attn.wq"),
  ],
  [
    "E0726 the checkpoint `a.ckpt` has no tensor `grad.norm.weight`",
    ({ tensors }) => tensors.delete("grad.norm.weight"),
  ],
  [
    "E0727 tensor `param.norm.weight` of `a.ckpt` is F32 [4, 4]; the model needs F32 [16]",
    ({ tensors }) => {
      const tensor = tensors.get("param.norm.weight")!;
      tensors.set("param.norm.weight", { ...tensor, shape: [4, 4] });
    },
  ],
  [
    "E0727 tensor `param.norm.weight` of `a.ckpt` is I32 [16]; the model needs F32 [16]",
    ({ tensors }) => {
      const tensor = tensors.get("param.norm.weight")!;
      tensors.set("param.norm.weight", { ...tensor, dtype: "I32" });
    },
  ],
  [
    "E0728 the checkpoint `a.ckpt` holds `param.extra`, which its model does not have",
    ({ tensors }) => tensors.set("param.extra", fromFloat32([1], Float32Array.of(1))),
  ],
])("tensors that are not the model's: %s", async (message, change) => {
  const path = saved();
  rewrite(path, change);
  expect(await resumeError(path)).toBe(message);
});

test("a full disk leaves the old checkpoint as it was", async () => {
  const path = saved();
  const before = readFileSync(path);
  const trainer = smallTrainer();
  const full = {
    ...diskFileSystem,
    write: (): number => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), {
        code: "ENOSPC",
        syscall: "write",
      });
    },
  };
  expect(await errorIn(path, () => trainer.save(path, full))).toBe(
    "E0701 the disk is full: cannot write `a.ckpt`",
  );
  expect(readFileSync(path)).toEqual(before);
  trainer.step(); // and the run can go on
});
