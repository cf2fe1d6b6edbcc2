/** Losses and texts over the ids that occur in some data, of models that have rows for more. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeBlzt } from "../../../formats/blzt.ts";
import {
  DTYPE_BYTES,
  dtypes,
  fromFloat32,
  type Tensor,
  toFloat32,
} from "../../../formats/tensor.ts";
import { type Checkpoint, readCheckpoint } from "../../../training/checkpoint.ts";
import type { TokenData } from "../../../training/data/token_file.ts";
import { evaluate } from "../../../training/evaluate.ts";
import { weightsOf } from "../../../training/foreign_model.ts";
import { createGenerator } from "../../../training/generate.ts";
import { maskOf, untrainedRows } from "../../../training/known_ids.ts";
import { openModel } from "../../../training/open_model.ts";
import { newFolder } from "../formats/hf_models.ts";
import { closing, lossesOf, SMALL, smallTrainer, toyData } from "./support.ts";

const device = { threads: 1 };

const IDS = 20_000;

/**
 * Tokens of every third id below 60,000, each of them also in the training split. Of so many, the spare row that a run
 * has beside them is no more than 0.00005 of a loss.
 */
const data: TokenData = {
  ...toyData(3 * IDS),
  tokens: Uint16Array.from({ length: 3 * IDS }, (_, i) => 3 * ((i * 7919) % IDS)),
  ...{ vocabulary: 3 * IDS, tokenizer: undefined },
};

let made: { readonly own: Checkpoint; readonly whole: Checkpoint } | undefined;

/** A run with rows for the ids of its data, and the same model with one for every id, as BLZT has it. */
function converted() {
  if (made !== undefined) return made;
  const overrides = { ...SMALL, V: 3 * IDS };
  const trainer = smallTrainer({ steps: 30, accum: 1, lr: 1e-2 }, { data, overrides });
  lossesOf(trainer);
  const folder = newFolder();
  trainer.save(join(folder, "run.ckpt"));
  const own = readCheckpoint(join(folder, "run.ckpt"));
  writeBlzt(join(folder, "run.bin"), weightsOf(own, { expand: true }));
  made = { own, whole: openModel(join(folder, "run.bin")) };
  return made;
}

test("over the ids of its data, a converted model has the loss and the text of its run", async () => {
  const { own, whole } = converted();
  const lossOf = (model: Checkpoint, ids?: TokenData, S?: number) =>
    evaluate(model, { data, ids, ...(S === undefined ? {} : { S }), device });
  const run = await lossOf(own);
  const all = await lossOf(whole);
  const known = await lossOf(whole, data);
  expect(all.loss).toBeGreaterThan(run.loss + 0.01);
  expect(Math.abs(known.loss - run.loss)).toBeLessThan(1e-4);
  expect(known).toMatchObject({ ids: IDS, outside: 0 });
  const [longer, same] = [await lossOf(own, undefined, 20), await lossOf(whole, data, 20)];
  expect(Math.abs(longer.loss - same.loss)).toBeLessThan(1e-4);
  // Of the run's own model only the spare row is left out.
  expect(Math.abs((await lossOf(own, data)).loss - known.loss)).toBeLessThan(1e-6);

  const textOf = async (model: Checkpoint, ids?: TokenData) => {
    const generator = closing(await createGenerator(model, { device, ids }));
    return [...generator.ids([...data.tokens.subarray(0, 3)], { tokens: 20, temperature: 0 })];
  };
  expect(await textOf(whole, data)).toEqual(await textOf(own));
});

test("no id outside of the data is written", async () => {
  const { whole } = converted();
  const known = new Set(data.tokens);
  const written = async (ids?: TokenData) => {
    const generator = closing(await createGenerator(whole, { device, ids }));
    return [...generator.ids([0], { tokens: 50, temperature: 4, seed: 3 })];
  };
  expect((await written()).some((id) => !known.has(id))).toBe(true);
  expect((await written(data)).every((id) => known.has(id))).toBe(true);
});

test("tokens outside count as one id more", async () => {
  const { whole } = converted();
  const other = { ...data, tokens: data.tokens.map((id, i) => (i % 4 === 0 ? id + 1 : id)) };
  const result = await evaluate(whole, { data: other, ids: data, device });
  expect(result.outside).toBeGreaterThan(10);
  expect(result.loss).toBeLessThan(50);
  const { values, rowOf } = maskOf(
    { dim: "V", full: 5, size: 5, active: null },
    new Set([0, 2]),
    true,
  );
  expect([...values].map((value) => value === 0)).toEqual([true, true, true, false, false]);
  expect([0, 2, 3, 4].map(rowOf)).toEqual([0, 2, 1, 1]);
  const compacted = { dim: "V", full: 9, size: 3, active: Int32Array.of(4, 7) };
  expect([...maskOf(compacted, new Set([7]), false).values]).toEqual(
    [-1e30, 0, -1e30].map(Math.fround),
  );
});

test("rows that training never touched are counted", () => {
  const { own, whole } = converted();
  expect(untrainedRows(whole)).toBe(2 * IDS);
  expect(untrainedRows(own)).toBe(0);
  // As AutoANE leaves them: values of the start, moments of zero.
  const name = "param.embed.weight";
  const table = whole.tensors.get(name)!;
  const started = fromFloat32(
    table.shape,
    toFloat32(table).map((x) => (x === 0 ? 0.01 : x)),
  );
  expect(untrainedRows({ ...whole, tensors: new Map([...whole.tensors, [name, started]]) })).toBe(
    2 * IDS,
  );
});

/** Rows of zeros, once every element is a number. */
function zeroRowsOf(tensor: Tensor, rows: number): boolean[] {
  const values = toFloat32(tensor);
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, row) =>
    values.subarray(row * width, (row + 1) * width).every((x) => x === 0),
  );
}

/** Tables of a type with mostly zeros, some of them -0 and some the smallest number, at any address. */
const tables = (rows: number) =>
  fc
    .tuple(fc.constantFrom(...dtypes), fc.integer({ min: 1, max: 5 }), fc.nat(7))
    .chain(([dtype, width, address]) => {
      const size = DTYPE_BYTES[dtype];
      const ending = (bytes: number[]) =>
        [...Array<number>(size - 1).fill(0), 0, ...bytes].slice(-size);
      const element = fc.oneof(
        { arbitrary: fc.constant(ending([])), weight: 12 },
        { arbitrary: fc.constant(ending([0x80])), weight: 2 },
        { arbitrary: fc.constant(ending([]).with(0, 1)), weight: 1 },
        { arbitrary: fc.array(fc.nat(255), { minLength: size, maxLength: size }), weight: 1 },
      );
      const count = rows * width;
      return fc.array(element, { minLength: count, maxLength: count }).map((elements): Tensor => {
        const data = new Uint8Array(address + count * size).subarray(address);
        data.set(elements.flat());
        return { dtype, shape: [rows, width], data };
      });
    });

test("rows look untrained as they do when every element is a number, whatever the type", () => {
  const { whole } = converted();
  const models = fc
    .integer({ min: 1, max: 6 })
    .chain((rows) => fc.tuple(fc.constant(rows), tables(rows), fc.option(tables(rows))));
  fc.assert(
    fc.property(models, ([rows, table, second]) => {
      const tensors = new Map([["param.embed.weight", table]]);
      if (second !== null) tensors.set("adam.v.embed.weight", second);
      const vocabulary = { dim: "V", full: rows, size: rows, active: null };
      const still = second === null ? [] : zeroRowsOf(second, rows);
      const expected = zeroRowsOf(table, rows).filter((isZero, row) => isZero || still[row]);
      expect(untrainedRows({ ...whole, vocabulary, tensors })).toBe(expected.length);
    }),
    { numRuns: 500 },
  );
});

test("a table of another number of rows is left to those who read it", () => {
  const { whole } = converted();
  const tensors = new Map([["param.embed.weight", fromFloat32([3, 1], new Float32Array(3))]]);
  for (const size of [0, 2, 5]) {
    const vocabulary = { dim: "V", full: size, size, active: null };
    expect(untrainedRows({ ...whole, vocabulary, tensors })).toBe(0);
  }
});
