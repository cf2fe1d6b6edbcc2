/** E02xx: names of an `.ane` file: dimensions, values, layers, parameters, and what they may be used for. */
import type { Span } from "../support/source.ts";
import { nearest } from "../support/suggest.ts";
import { at, didYouMean, listOf, message } from "./message.ts";

const quoted = (names: Iterable<string>): string => listOf([...names].map((n) => `\`${n}\``));

/** `\`S\`, \`D\` and \`H\``, cut short where there are many. */
function some(names: Iterable<string>, limit = 12): string {
  const all = [...names];
  return all.length <= limit
    ? quoted(all)
    : `${all
        .slice(0, limit)
        .map((n) => `\`${n}\``)
        .join(", ")}, …`;
}

export const unknownDimension = message(
  "E0201",
  {
    summary: "a dimension the file does not define",
    explain:
      "Dimensions are defined by `dims` before they are used; a layer may also take them as variables " +
      "(`layer norm<N>(x: [..., N])`), bound by the shapes of each call.",
  },
  (span: Span | undefined, name: string, known: readonly string[]) => ({
    title: `there is no dimension named \`${name}\``,
    labels: at(span),
    ...(nearest(name, known) === undefined && known.length > 0
      ? { why: `This file has ${some(known)}.` }
      : {}),
    help: didYouMean(name, known),
  }),
);

export const unknownName = message(
  "E0202",
  {
    summary: "a value that was never given",
    explain:
      "A name in an expression is an argument, a `param`, a value assigned before, a dimension or a " +
      "hyper-parameter. A value first assigned inside `repeat` exists only there.",
  },
  (
    span: Span | undefined,
    name: string,
    known: readonly string[],
    where: "" | "repeat" | "later" = "",
  ) => ({
    title: `there is no value named \`${name}\``,
    labels: at(span),
    ...(where === "repeat"
      ? { why: `\`${name}\` is assigned inside \`repeat\` and exists only there.` }
      : where === "later"
        ? { why: `\`${name}\` is assigned further down; a value exists from its assignment on.` }
        : {}),
    help:
      where === "repeat"
        ? [{ text: `give \`${name}\` a value before the \`repeat\`` }]
        : didYouMean(name, known),
  }),
);

interface CalleeFacts {
  readonly isOp?: boolean;
  readonly alias?: string | undefined;
  readonly way?: string | undefined;
}

export const unknownCallee = message(
  "E0203",
  {
    summary: "a call of something that does not exist",
    explain:
      "A call names a layer of the file, a layer of the library (`dsl/std`) or an op, looked up in that " +
      "order. `op.NAME(…)` is always the op.",
  },
  (
    span: Span | undefined,
    name: string,
    known: readonly string[],
    /** `isOp`: called as `op.NAME`. `alias`: what the language calls the op of this name. `way`: what it has instead. */
    { isOp = false, alias, way }: CalleeFacts = {},
  ) => ({
    title: isOp ? `there is no op named \`${name}\`` : `there is no op or layer named \`${name}\``,
    labels: at(span),
    help:
      alias === undefined
        ? way === undefined
          ? didYouMean(name, known)
          : [{ text: way }]
        : [
            {
              text: `in the language it is called \`${alias}\``,
              ...(span === undefined ? {} : { edit: { span, replacement: alias } }),
            },
          ],
  }),
);

export const libraryNeedsDimension = message(
  "E0204",
  {
    summary: "a library layer uses a dimension the file does not define",
    explain:
      "Layers of the library use the dimensions of the file that calls them: `attention` needs S, D, H, K " +
      "and E, `swiglu` needs S, D and F, `embed` needs V and D.",
  },
  (call: Span, layer: string, path: string, dimensions: readonly string[]) => ({
    title: `\`${layer}\` needs the dimension${dimensions.length > 1 ? "s" : ""} ${quoted(dimensions)}`,
    labels: at(call),
    why: `It is a layer of the library (${path}) and uses the dimensions of this file.`,
    help: [
      { text: `define ${dimensions.length > 1 ? "them" : "it"}: \`dims ${dimensions[0]} = …\`` },
    ],
  }),
);

export const definedTwice = message(
  "E0205",
  {
    summary: "one name for two things",
    explain:
      "Dimensions, layers, models, arguments and parameters have one definition each. A `model` and a " +
      "`train` may share a name. `x = …` may be repeated: it gives a name a new value.",
  },
  (span: Span | undefined, what: string, name: string, before: Span | undefined) => ({
    title: `${what} \`${name}\` is defined twice`,
    labels: [...at(span, "again here"), ...at(before, "defined here")],
  }),
);

export const unknownSetting = message(
  "E0206",
  {
    summary: "a dimension or hyper-parameter that does not exist",
    explain:
      "`set` changes a hyper-parameter; `-D NAME=VALUE` changes a dimension of the file or a " +
      "hyper-parameter. Hyper-parameters are a closed list: `rope_theta`, `norm_eps`, `residual_scale` " +
      "and `embed_scale`.",
  },
  (span: Span | undefined, name: string, what: string, known: readonly string[]) => ({
    title: `there is no ${what} named \`${name}\``,
    labels: at(span),
    ...(nearest(name, known) === undefined ? { why: `There are ${some(known)}.` } : {}),
    help: didYouMean(name, known),
  }),
);

export const recursion = message(
  "E0207",
  {
    summary: "a layer that calls itself",
    explain:
      "The language has no recursion: a layer may not call itself, directly or through others.",
  },
  (span: Span, cycle: readonly string[]) => ({
    title: `\`${cycle[0]}\` calls itself`,
    labels: at(span),
    why: `The calls go round: ${cycle.map((name) => `\`${name}\``).join(" → ")}.`,
    help: [{ text: "use `repeat` for a layer applied several times" }],
  }),
);

export const wrongArgumentCount = message(
  "E0208",
  {
    summary: "a call with arguments too many or too few",
    explain:
      "A call gives one value for each argument of the layer or operand of the op, in order.",
  },
  (span: Span | undefined, name: string, takes: string, found: number, signature: string) => ({
    title: `\`${name}\` takes ${takes} argument${takes === "1" ? "" : "s"}, found ${found}`,
    labels: at(span),
    why: `It is declared as \`${signature}\`.`,
  }),
);

export const ambiguousInstance = message(
  "E0209",
  {
    summary: "two calls whose parameters would have the same names",
    explain:
      "A call of a layer owns parameters named after it: `attn.wq`. Two calls of one layer in a scope are " +
      "told apart with `#name`: `rms_norm#ffn(x)` owns `ffn.weight`. In TypeScript that is " +
      '`b.callAs("ffn", norm, x)`.',
  },
  (
    span: Span | undefined,
    segment: string,
    before: Span | undefined,
    layer = segment,
    /** `builder`: the calls are those of a program in TypeScript. */
    language: "ane" | "builder" = "ane",
  ) => ({
    title: `two calls named \`${segment}\` would own the same parameters`,
    labels: [...at(span, "the second call"), ...at(before, "the first call")],
    help: [
      {
        text: `tell them apart with a name: \`${
          language === "ane" ? `${layer}#other(…)` : `b.callAs("other", ${layer}, …)`
        }\``,
      },
    ],
  }),
);

export const unknownParameter = message(
  "E0210",
  {
    summary: "a parameter of an instance that does not exist",
    explain:
      "`embed.weight` is the parameter `weight` of the call `embed(…)` before it in the same scope; a call " +
      "with a name, `rms_norm#attn(x)`, is `attn`. A call inside `repeat` is visible in that iteration.",
  },
  (span: Span, path: string, why: string, known: readonly string[], way?: string) => ({
    title: `there is no parameter \`${path}\` here`,
    labels: at(span),
    why,
    help: way === undefined ? didYouMean(path, known) : [{ text: way }],
  }),
);

export const unknownAttribute = message(
  "E0211",
  {
    summary: "a named argument the op does not have",
    explain:
      "Attributes of ops are written with their name: `slice(x, axis: 0, from: 1, to: 3)`. Layers take no " +
      "named arguments.",
  },
  (span: Span | undefined, callee: string, name: string, known: readonly string[]) => ({
    title: `\`${callee}\` has no attribute \`${name}\``,
    labels: at(span),
    ...(known.length === 0
      ? { why: `\`${callee}\` takes no named arguments.` }
      : { why: `It has ${quoted(known)}.` }),
    help: didYouMean(name, known),
  }),
);

export const unused = message(
  "E0212",
  {
    summary: "something that is never used",
    explain:
      "A warning: a parameter that is trained but read by nothing, a value that is computed for nothing, " +
      "or a layer that no model or train calls.",
  },
  (span: Span, what: string, name: string) => ({
    severity: "warning" as const,
    title: `${what} \`${name}\` is never used`,
    labels: at(span),
  }),
);

export const missingAttribute = message(
  "E0213",
  {
    summary: "an attribute without a default was not given",
    explain: "Some ops need attributes, such as the axis and range of `slice`.",
  },
  (span: Span | undefined, callee: string, name: string, example: string) => ({
    title: `\`${callee}\` needs the attribute \`${name}\``,
    labels: at(span),
    help: [{ text: `write \`${example}\`` }],
  }),
);

export const assignedConstant = message(
  "E0214",
  {
    summary: "an assignment to a dimension or a hyper-parameter",
    explain:
      "Dimensions are set by `dims`, hyper-parameters by `set`, both once for the whole file (or with " +
      "`-D NAME=VALUE`); a layer cannot change them. Parameters change only by training.",
  },
  (span: Span, what: string, name: string) => ({
    title: `${what} \`${name}\` cannot be assigned`,
    labels: at(span),
    help: [{ text: "choose another name for the value" }],
  }),
);

export const missingResult = message(
  "E0215",
  {
    summary: "a body without a result",
    explain: "A layer or a model ends with `return`, a train with `loss`.",
  },
  (span: Span | undefined, kind: string, name: string, keyword: "return" | "loss") => ({
    title: `${kind} \`${name}\` has no \`${keyword}\``,
    labels: at(span),
    help: [{ text: `end it with \`${keyword} …\`` }],
  }),
);

export const unknownModel = message(
  "E0216",
  {
    summary: "a model that is neither a file nor known by name",
    explain:
      "A model is given as the path of an `.ane` file or as the name of one in `dsl/models`.",
  },
  (name: string, known: readonly string[], isPath: boolean) => ({
    title: isPath ? `there is no file \`${name}\`` : `there is no model named \`${name}\``,
    why: `Models known by name: ${listOf([...known])}.`,
    help: didYouMean(name, known),
  }),
);

export const unknownElementType = message(
  "E0217",
  {
    summary: "an element type the language does not have",
    explain: "Elements are `f32` (when nothing is written), `f16` or `i32`.",
  },
  (span: Span, name: string) => ({
    title: `there is no element type \`${name}\``,
    labels: at(span),
    help: didYouMean(name, ["f32", "f16", "i32"]),
  }),
);

export const labelWithoutParameters = message(
  "E0218",
  {
    summary: "a `#name` on a call that owns no parameters",
    explain: "`#name` names the parameters a call owns. Ops own none.",
  },
  (span: Span, callee: string) => ({
    title: `\`${callee}\` owns no parameters, so its call needs no name`,
    labels: at(span),
    help: [{ text: "leave the name out", edit: { span, replacement: "" } }],
  }),
);
