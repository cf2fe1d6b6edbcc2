/** The mask of the whole attention op. */
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";
import { replacing, whole } from "./rewrite.ts";
import { argument, atArgument, operand, result, sites } from "./walk.ts";

const inputs = [
  ...["k", "q", "v"].map((n) => fp16(n, [1, 4, 32, 64])),
  fp16("mask", [1, 1, 32, 32]),
].join(", ");

/** What a score becomes where nothing may be seen: fact mask_constant. */
const HIDDEN = -40_000;

export const attentionMask = defineFact({
  id: "attention_mask",
  statement: "`scaled_dot_product_attention` ignores its `attn_mask` without an error.",
  kind: "silent_wrong",
  ops: ["scaled_dot_product_attention"],
  evidence: [
    reported(
      "mechramc/Orion docs/ane_constraints.md",
      "the output is that of no mask, M4 Max, macOS 15",
    ),
    reported("maderix/ANE test_ane_sdpa5.m", "inline, file and input masks tried, M4"),
    reported(
      "sbryngelson/ANEForge",
      "garbage when both lengths are 512 or more, or one is over 2,048",
    ),
    against(
      "751K M6 study, dispatch notes",
      "the masked op is placed on the engine, M4, macOS 27; numbers not compared",
    ),
  ],
  *check(c, ops): Generator<Finding> {
    for (const { s } of sites(c, ...ops)) {
      if (argument(s, "attn_mask") === undefined) continue;
      yield atArgument(s, "attn_mask", "the mask of this attention may be ignored", "mask");
    }
  },
  workaround: "write it as matmul, scale, add the mask, softmax, matmul",
  // softmax(q · kᵀ / √d + mask) · v; a mask of bools is true where a key may be seen.
  fix: replacing((site, emit) => {
    const { s } = site;
    const arg = (name: string) => argument(s, name)?.value;
    const [query, key, value, mask] = ["query", "key", "value", "attn_mask"].map(arg);
    const [q, k, out] = [operand(site, "query"), operand(site, "key"), result(s)];
    if (
      s.op !== "scaled_dot_product_attention" ||
      !query ||
      !key ||
      !value ||
      !mask ||
      !q ||
      !k ||
      !out
    )
      return false;
    const scores = { element: out.element, shape: [...out.shape.slice(0, -1), k.shape.at(-2)!] };
    const flags = (transpose_y: boolean) => ({ transpose_x: false, transpose_y });
    const raw = emit.add("matmul", scores, { x: query, y: key, ...flags(true) });
    const scaled = emit.add("mul", scores, { x: raw, y: 1 / Math.sqrt(q.shape.at(-1)!) });
    const masked =
      operand(site, "attn_mask")?.element === "bool"
        ? emit.add("select", scores, { cond: mask, a: scaled, b: HIDDEN })
        : emit.add("add", scores, { x: scaled, y: mask });
    const p = emit.add("softmax", scores, { x: masked, axis: whole(-1) });
    emit.add("matmul", out, { x: p, y: value, ...flags(false) }, s.results[0]!.name);
    return true;
  }),
  emulator: "ignores the mask, unless told `ignore-mask=off`",
  examples: {
    fires: program(
      inputs,
      line(
        "y",
        [1, 4, 32, 64],
        "scaled_dot_product_attention(query = q, key = k, value = v, attn_mask = mask)",
      ),
    ),
    silent: program(
      inputs,
      line("y", [1, 4, 32, 64], "scaled_dot_product_attention(query = q, key = k, value = v)"),
    ),
  },
});
