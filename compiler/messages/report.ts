/** E0760…: reports of models, bundles and MIL programs. */
import { count, grouped } from "./files.ts";
import { message } from "./message.ts";

export const bundleDamaged = message(
  "E0760",
  {
    summary: "a bundle cannot be read",
    explain:
      "A bundle is a folder with a `manifest.json` that lists its programs, their ports and the schedule, and " +
      "the sha256 of every other file. Something in it is not as `anec compile` writes it: the bundle was " +
      "changed, copied in part, or made by another version. Compile the model again.",
  },
  (path: string, problem: string) => ({
    title: `\`${path}\` cannot be read as a bundle: ${problem}`,
    help: [{ text: "compile the model again (`anec compile`)" }],
  }),
);

export const nothingToReport = message(
  "E0761",
  {
    summary: "there is nothing here to make a report of",
    explain:
      "`anec report` takes a model (an `.ane` file or a name of `anec models`), the folder of a bundle, a `.mil` " +
      "file, a compiled Core ML model (a folder with a `model.mil`), or the log of a run.",
  },
  (path: string) => ({
    title: `there is nothing in \`${path}\` to make a report of`,
    why:
      "A folder must have a `manifest.json` (a bundle), a `model.mil` (a compiled Core ML model), a " +
      "`config.json` (weights), or logs of `anec train --log`.",
  }),
);

export const tooLargeToReport = message(
  "E0762",
  {
    summary: "a file is too large to make a report of",
    explain:
      "A report is one page for a browser. Texts and schedules beyond a fixed size are refused before anything " +
      "is allocated for them; `anec mil stats` and `anec mil check` work on MIL files of any size.",
  },
  (path: string, what: string, has: number, most: number) => ({
    title: `\`${path}\` is too large for a report: ${count(has, what)}, at most ${grouped(most)}`,
    help: [{ text: "`anec mil stats` and `anec mil check` work on MIL files of any size" }],
  }),
);

export const outsideOfFolder = message(
  "E0763",
  {
    summary: "a file names another one outside of its folder",
    explain:
      "Bundles and compiled models name the files they are made of. A report reads none that lies outside of the " +
      "folder, whether by an absolute path, by `..`, or by a link: such a folder was not made by `anec compile` " +
      "or by Apple's tools.",
  },
  (folder: string, name: string) => ({
    title: `\`${folder}\` names \`${name}\`, which is outside of it`,
  }),
);
