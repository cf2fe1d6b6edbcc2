/** `--fusion layer`: three dispatches a layer, one copy of every weight, no scores on any surface. */
import { describe, expect, test } from "vitest";
import { parseMil } from "../../compiler/mil/parse.ts";
import { checkForChip } from "../../compiler/target/check_chip.ts";
import { loadModel } from "../../dsl/index.ts";
import { type Compilation, compile, type Fusion } from "../../index.ts";
import { anec, inNewFolder } from "../e2e/cli_support.ts";
import { graphOf } from "../support/random_model.ts";

const MODELS = [
  ["autoresearch", 4],
  ["d768_l6_s512", 6],
  ["nl6_s512", 6],
  ["stories110m", 12],
  ["qwen3_06b", 28],
] as const;
const CHIPS = ["m1", "m2", "m3", "m4", "m5"] as const;

const done = new Map<string, Compilation>();

function compiled(model: string, fusion: Fusion): Compilation {
  const key = `${model} ${fusion}`;
  const known = done.get(key);
  if (known !== undefined) return known;
  const train = graphOf(loadModel(model), "train");
  const made = compile(train, { target: "ane", gradients: true, fusion });
  done.set(key, made);
  return made;
}

/** What a chip's engine refuses or gets wrong in the programs of a bundle. */
function errorsOf({ bundle }: Compilation): string[] {
  return bundle.manifest.programs.flatMap(({ file }) => {
    const text = new TextDecoder().decode(bundle.files.get(file)!);
    const program = parseMil({ path: file, text });
    return CHIPS.flatMap((chip) =>
      checkForChip(program, { chip })
        .filter((d) => d.severity === "error")
        .map((d) => `${file} on ${chip}: ${d.title}`),
    );
  });
}

describe.each(MODELS)("%s", (model, layers) => {
  const made = compiled(model, "layer");
  const { programs, staging, schedule } = made.bundle.manifest;
  const [S, D] = sizesOfModel(model);

  test("three dispatches a layer, by three programs", () => {
    expect(made.moves!.perMicroStep.dispatches).toBe(3 * layers);
    expect(programs.map((p) => [p.name, p.calls])).toEqual([
      ["layer_fwd", layers],
      ["bwd_a", layers],
      ["bwd_b", layers],
    ]);
    expect(made.moves!.refusals).toEqual([]);
  });

  test("every weight is staged once, half of what two layouts need", () => {
    const none = compiled(model, "none").moves!.perUpdate.bytesStaged;
    expect(made.moves!.perUpdate.bytesStaged).toBeLessThanOrEqual(none / 2);
    const written = staging.flatMap((s) => (s.do === "write" ? [s.value] : []));
    expect(new Set(written).size).toBe(written.length);
  });

  test("only the gradient of the output and the input of the first layer are written, nothing is copied", () => {
    expect(schedule.flatMap((s) => (s.do === "write" ? [s.place.sizes] : []))).toEqual([
      [S, D],
      [S, D],
      [S, D],
    ]);
    expect(made.moves!.perMicroStep.bytesCopied).toBe(0);
  });

  test("no scores lie on a surface", () => {
    const places = programs.flatMap((p) => [...p.inputs, ...p.outputs].flatMap((q) => q.places));
    const isScores = ({ sizes }: { readonly sizes: readonly number[] }): boolean =>
      sizes.length === 3 && sizes[1] === S && sizes[2] === S;
    expect(places.filter(isScores)).toEqual([]);
    // The same question finds them where they are.
    const stored = compiled(model, "none").bundle.manifest.programs.flatMap((p) =>
      p.outputs.flatMap((q) => q.places),
    );
    expect(stored.filter(isScores)).toHaveLength(2);
  });

  test.each(["none", "pairs", "layer"] as const)("the facts take every program of %s", (fusion) => {
    expect(errorsOf(fusion === "layer" ? made : compiled(model, fusion))).toEqual([]);
  });
});

function sizesOfModel(model: string): readonly [number, number] {
  const [tokens] = graphOf(loadModel(model), "train").inputs;
  const embed = graphOf(loadModel(model), "train").params[0]!;
  return [tokens!.type.shape[0]!.size, embed.type.shape[1]!.size];
}

test("qwen3_06b: all weights of a layer on one surface, within the narrowest limit", () => {
  const { programs } = compiled("qwen3_06b", "layer").bundle.manifest;
  const [Q, KV, H, S] = [2048, 1024, 3072, 256];
  for (const p of programs) {
    const widths = p.inputs.map((port) => port.shape[3]!);
    expect(widths.at(-1)).toBe(2 * Q + 2 * KV + 3 * H);
    // With activations and norm weights beside them, as one surface for all, it would still fit.
    expect(widths.at(-1)! + S + 32).toBe(15_648);
    for (const port of [...p.inputs, ...p.outputs])
      expect(Math.max(port.shape[1]!, port.shape[3]!)).toBeLessThanOrEqual(16_384);
  }
});

describe("autoresearch_2048", () => {
  const made = compiled("autoresearch_2048", "layer");

  test("no layer fits a program; it is cut, with the reason", () => {
    const [D, Q, KV, H] = [2048, 2048, 512, 5632];
    const reason = { limit: 16_384, fact: "tensor_extents" };
    expect(made.moves!.refusals).toEqual([
      {
        ...reason,
        program: "layer_fwd",
        columns: 2 * Q + 2 * KV + 3 * H,
        into: ["attn_fwd", "ffn_fwd"],
      },
      { ...reason, program: "bwd_a", columns: 22_016, into: ["ffn_bwd", "wo_bwd"] },
      { ...reason, program: "ffn_fwd", columns: 3 * H, into: ["ffn_up_fwd", "ffn_down_fwd"] },
      { ...reason, program: "ffn_bwd", columns: 3 * H, into: ["ffn_down_bwd", "ffn_up_bwd"] },
    ]);
    expect(D).toBe(made.graph.params[0]!.type.shape[1]!.size);
  });

  test("what it is cut into fits, in fewer dispatches than the published sets", () => {
    expect(made.moves!.perMicroStep.dispatches).toBe(7 * 4);
    expect(errorsOf(made)).toEqual([]);
  });

  test("the feed-forward program of the ten does not fit either", () => {
    const none = compiled("autoresearch_2048", "none");
    expect(none.moves!.refusals.map((r) => [r.program, r.columns])).toEqual([["ffn_fwd", 17_408]]);
    expect(errorsOf(none)).toEqual([]);
  });

  test("the command says why", async () => {
    inNewFolder();
    const line = "compile autoresearch_2048 --target ane --fusion layer";
    const { code, out } = await anec(line.split(" "));
    expect(code).toBe(0);
    expect(out).toContain(
      `note: \`layer_fwd\` would need 22,016 columns; an axis has at most 16,384

  cut into \`attn_fwd\` and \`ffn_fwd\`
  fact   tensor_extents (docs/facts/tensor_extents.md)
`,
    );
    const json = await anec([...line.split(" "), "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ refusals: made.moves!.refusals });
  });
});
