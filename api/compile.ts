/** From a model to a bundle: the programs of a target, what runs in what order, and the parameters they take. */
import { writeBundle } from "../compiler/bundle/write.ts";
import { fileInTheWay } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { fileAmong } from "../compiler/support/file_in_the_way.ts";
import { aName, checkArgument } from "../dsl/arguments.ts";
import * as graphs from "../index.ts";
import { graphOf, type ModelLike } from "./model.ts";
import { checkOptions, OPTIONS } from "./options.ts";

/** How `compile` lowers a model. */
export interface CompileOptions
  extends Pick<graphs.CompileOptions, "fusion" | "ane" | "gradients"> {
  /** `cpu`, a plan for the processor, or `ane`, MIL programs for the Neural Engine. Default `ane`. */
  readonly target?: graphs.Target;
  /** Which layer, model or train of a file: `NAME` or `KIND:NAME`. Default: the model, or the only one. */
  readonly entry?: string;
}

/** What `compile` made. */
export interface Compiled extends graphs.Compilation {
  /**
   * Writes the bundle into a folder, which is made if it is not there.
   * @throws UserError (E0701 to E0707) where the system refuses, (E0970) where a file is in the way.
   */
  write(folder: string): void;
  /** MIL programs by the name of their file; empty for `cpu`. */
  readonly mil: ReadonlyMap<string, string>;
}

/**
 * Compiles a model. With `gradients`, the gradients of its first output, a scalar loss, are outputs too.
 *
 *     compile(load("tiny"), { target: "ane", fusion: "layer" }).write("tiny.anec");
 *
 * @throws UserError with every mistake of the text, for options that do not exist or cannot be (E0979, E0955), and
 *   for what the target cannot do.
 */
export function compile(model: ModelLike, given: CompileOptions = {}): Compiled {
  const checked = checkOptions("compile", given, OPTIONS.compile);
  const { target = "ane", entry, ...options } = checked;
  const graph = graphOf(
    "compile(model)",
    model,
    entry,
    options.gradients === true ? "train" : "model",
  );
  const made = graphs.compile(graph, { target, ...options });
  const { files, manifest } = made.bundle;
  const text = (file: string): string => new TextDecoder().decode(files.get(file));
  return {
    ...made,
    mil: new Map(manifest.programs.map(({ file }) => [file, text(file)])),
    write: (folder) => write(folder, made.bundle),
  };
}

function write(folder: string, bundle: graphs.Compilation["bundle"]): void {
  checkArgument("write(folder)", folder, aName);
  const file = fileAmong(folder);
  if (file !== undefined) throw new UserError(fileInTheWay("write", folder, file));
  writeBundle(folder, bundle);
}
