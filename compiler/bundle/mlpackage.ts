/**
 * A Core ML package: a folder that Xcode, Core ML and Netron open.
 *
 *     Manifest.json                             which file is the model
 *     Data/com.apple.CoreML/model.mlmodel       description and program, in protobuf
 *     Data/com.apple.CoreML/weights/weight.bin  the weights, as MIL's blob storage
 *
 *     Model             1 specificationVersion   2 description   502 mlProgram
 *     ModelDescription  1 input   10 output   100 metadata
 *     Feature           1 name   2 shortDescription   3 type (5 multiArray (1 shape, 2 dataType))
 *     Metadata          1 shortDescription   2 versionString   3 author   4 license   100 userDefined: map
 *
 * Source: Model.proto and FeatureTypes.proto of coremltools; Manifest.json as its ModelPackage writes it.
 */
import { createHash } from "node:crypto";
import { programMessage, specificationOf } from "../mil/proto.ts";
import type { Binding, MilFunction, MilType } from "../mil/tree.ts";
import { bug } from "../support/bug.ts";
import { entry, nested, text, whole, wholes } from "../support/protobuf.ts";

export interface PackageSource {
  /** One function; its inputs and outputs are the model's features. */
  readonly fn: MilFunction;
  readonly weights: Uint8Array | undefined;
  /** What the model is, for whoever opens it. */
  readonly about: {
    readonly description: string;
    readonly version: string;
    /** Further entries, shown by name. */
    readonly entries: Readonly<Record<string, string>>;
  };
}

/** `ArrayFeatureType.ArrayDataType`. */
const ARRAY_TYPES = { fp32: 65_568, fp16: 65_552, fp64: 65_600, int32: 131_104 } as const;

const FOLDER = "Data/com.apple.CoreML";

/** The files of a package by their path in it; equal sources give equal bytes. */
export function packageFiles({ fn, weights, about }: PackageSource): Map<string, Uint8Array> {
  const model = modelMessage(fn, about);
  const files = new Map<string, Uint8Array>();
  files.set(`${FOLDER}/model.mlmodel`, model);
  if (weights !== undefined) files.set(`${FOLDER}/weights/weight.bin`, weights);
  const manifest = manifestOf(model, weights);
  files.set("Manifest.json", Buffer.from(`${JSON.stringify(manifest, undefined, 4)}\n`));
  return files;
}

function modelMessage(fn: MilFunction, about: PackageSource["about"]): Uint8Array {
  const types = new Map(fn.body.flatMap((s) => s.results.map((r) => [r.name, r.type] as const)));
  const outputs = fn.outputs.map(
    ({ name }): Binding => ({ name, type: types.get(name) ?? bug(`no value is called ${name}`) }),
  );
  const metadata = nested(
    100,
    text(1, about.description),
    text(2, about.version),
    ...Object.entries(about.entries).map(([key, value]) => entry(100, key, text(2, value))),
  );
  const description = nested(
    2,
    ...fn.inputs.map((i) => feature(1, i)),
    ...outputs.map((o) => feature(10, o)),
    metadata,
  );
  const program = programMessage({ version: "1.0", attributes: [], functions: [fn] });
  return Buffer.concat([whole(1, specificationOf(fn.opset)), description, nested(502, program)]);
}

function feature(field: number, { name, type }: Binding): Buffer {
  const { shape, dataType } = arrayOf(name, type);
  const array = nested(5, wholes(1, shape), whole(2, dataType));
  return nested(field, text(1, name), nested(3, array));
}

function arrayOf(name: string, type: MilType) {
  if (type.kind !== "tensor") return bug(`the port ${name} is a ${type.kind}`);
  const { element } = type;
  const dataType = Object.hasOwn(ARRAY_TYPES, element)
    ? ARRAY_TYPES[element as keyof typeof ARRAY_TYPES]
    : bug(`the port ${name} has ${element}`);
  const shape = type.shape.map((d) => (d === "?" ? bug(`the port ${name} has an open size`) : d));
  return { shape, dataType };
}

function manifestOf(model: Uint8Array, weights: Uint8Array | undefined) {
  const item = (name: string, description: string) => ({
    ...{ author: "com.apple.CoreML", description, name, path: `com.apple.CoreML/${name}` },
  });
  const root = identifier(model);
  return {
    fileFormatVersion: "1.0.0",
    itemInfoEntries: {
      [root]: item("model.mlmodel", "CoreML Model Specification"),
      ...(weights === undefined
        ? {}
        : { [identifier(weights)]: item("weights", "CoreML Model Weights") }),
    },
    rootModelIdentifier: root,
  };
}

/** A UUID of what an item contains, so that a package depends on nothing but its source. */
function identifier(bytes: Uint8Array): string {
  const digest = createHash("sha256").update(bytes).digest("hex").toUpperCase();
  const parts = [8, 4, 4, 4, 12].map((length, i, all) => {
    const start = all.slice(0, i).reduce((a, b) => a + b, 0);
    return digest.slice(start, start + length);
  });
  // Version 8: of the maker's own kind; variant 10.
  return [parts[0], parts[1], `8${parts[2]!.slice(1)}`, `8${parts[3]!.slice(1)}`, parts[4]].join(
    "-",
  );
}
