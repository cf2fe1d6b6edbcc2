/**
 * What the server does before it greets the editor: it reads a model of the library again and again, so that the
 * code that reads files is compiled when the first change comes. It takes a third of a second; without it the
 * first ten changes of a long file take three times as long as later ones (`bench/editor.ts`).
 */
import { loadModel } from "../dsl/index.ts";
import { openAne } from "./ane_language.ts";

/** More make the first changes little faster. */
const READINGS = 40;

/** Reads the smallest model `READINGS` times. */
export function warmUp(): void {
  const source = loadModel("tiny");
  for (let i = 0; i < READINGS; i++) openAne(source);
}
