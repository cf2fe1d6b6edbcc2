/** MIL text for the examples of facts: a function around a few statements. */

/**
 * A program with one function; `body` is in MIL, and `y` is returned unless `outputs` says
 * otherwise.
 */
export function program(inputs: string, body: string, outputs = "y"): string {
  const lines = body
    .trim()
    .split("\n")
    .map((line) => `        ${line.trim()}\n`)
    .join("");
  return `program(1.3)\n${BUILD_INFO}\n{\n    func main<ios18>(${inputs}) {\n${lines}    } -> (${outputs});\n}\n`;
}

/** The build information that all known systems take. */
export const BUILD_INFO =
  '[buildInfo = dict<string, string>({{"coremlc-component-MIL", "3510.2.1"}, {"coremlc-version", "3505.4.1"}, {"coremltools-component-milinternal", ""}, {"coremltools-version", "9.0"}})]';

/** `tensor<fp16, [1, 64, 1, 32]> x` */
export function fp16(name: string, shape: readonly number[]): string {
  return `tensor<fp16, [${shape.join(", ")}]> ${name}`;
}

/** `tensor<fp16, [shape]> y = op(args)[name = string("y")];` */
export function line(name: string, shape: readonly number[], call: string): string {
  return `${fp16(name, shape)} = ${call}[name = string("${name}")];`;
}

/** A weight in a file. */
export function weight(
  name: string,
  shape: readonly number[],
  offset = 64,
  element = "fp16",
): string {
  const type = `tensor<${element}, [${shape.join(", ")}]>`;
  const place = `BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(${offset}))`;
  return `${type} ${name} = const()[name = string("${name}"), val = ${type}(${place})];`;
}

/** A constant: `constant("int32", "n", "3")`. */
export function constant(type: string, name: string, value: string): string {
  return `${type} ${name} = const()[name = string("${name}"), val = ${type}(${value})];`;
}

/** The parameters of a `conv`: steps of one, no padding. */
export function convArguments(groups = 1): string {
  return (
    'strides = tensor<int32, [2]>([1, 1]), pad_type = string("valid"), pad = tensor<int32, [4]>([0, 0, 0, 0]), ' +
    `dilations = tensor<int32, [2]>([1, 1]), groups = int32(${groups})`
  );
}
