/** The spelling of scalars belongs to the version of the program. */
import type { MilType, Value } from "../../mil/tree.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { constant, fp16, line, program } from "./examples.ts";

const text = program(
  fp16("x", [1, 64, 1, 32]),
  `${constant("tensor<int32, [4]>", "perm", "[0, 3, 2, 1]")}\n${line("y", [1, 32, 1, 64], "transpose(x = x, perm = perm)")}`,
);

/** Whether a value has a scalar in the short style. */
function isShort(value: Value): boolean {
  if (value.kind === "typed") return value.type.kind === "scalar" || isShort(value.value);
  if (value.kind === "blob") return isShort(value.path) || isShort(value.offset);
  return (value.kind === "tuple" || value.kind === "list") && value.items.some(isShort);
}

function longType(type: MilType): MilType {
  if (type.kind === "scalar") return { kind: "tensor", element: type.element, shape: [] };
  return type.kind === "dict"
    ? { ...type, key: longType(type.key), value: longType(type.value) }
    : type;
}

function long(value: Value): Value {
  if (value.kind === "typed")
    return { ...value, type: longType(value.type), value: long(value.value) };
  if (value.kind === "blob")
    return { ...value, path: long(value.path), offset: long(value.offset) };
  return value.kind === "tuple" || value.kind === "list"
    ? { ...value, items: value.items.map(long) }
    : value;
}

export const literalStyle = defineFact({
  id: "literal_style",
  statement:
    'A program of version 1.0 spells scalars as tensors, `tensor<string, []>("x")`; `string("x")` is refused there.',
  kind: "format",
  evidence: [
    reported("ncdrone/rustane", "bare strings fail in 1.0"),
    reported("maderix/ANE pull 6", "M1 Pro takes only the long style, macOS 26.3"),
    against("joshuaswarren/mil-hwx-compiler research files", "mix both and compile"),
  ],
  *check({ program: p }): Generator<Finding> {
    if (p.version !== "1.0") return;
    for (const s of p.functions.flatMap((f) => f.body)) {
      const short = [...s.args, ...s.attributes].find((a) => isShort(a.value));
      if (short === undefined) continue;
      yield {
        title: `\`${short.name}\` has a scalar in the style of version 1.3`,
        span: short.span ?? s.span,
      };
      return;
    }
  },
  workaround: "spell every scalar as a tensor without dimensions, or write version 1.3",
  fix: ({ program: p }) => {
    if (p.version !== "1.0") return p;
    const spelled = <T extends { readonly value: Value }>(a: T): T => ({
      ...a,
      value: long(a.value),
    });
    const functions = p.functions.map((f) => ({
      ...f,
      body: f.body.map((s) => ({
        ...s,
        results: s.results.map((r) => ({ ...r, type: longType(r.type) })),
        args: s.args.map(spelled),
        attributes: s.attributes.map(spelled),
      })),
    }));
    return { ...p, attributes: p.attributes.map(spelled), functions };
  },
  emulator: "accepts both",
  examples: { fires: text.replace("1.3", "1.0"), silent: text },
});
