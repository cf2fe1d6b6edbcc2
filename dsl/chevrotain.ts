/**
 * The parser library from its one-file build.
 *
 * Its entry point loads some 700 small files, which takes longer than everything a compilation does
 * besides; the package has the same code in one file, which its list of exports leaves out.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

type Chevrotain = typeof import("chevrotain");

const entry = pathToFileURL(createRequire(import.meta.url).resolve("chevrotain"));
const bundled = new URL("../chevrotain.min.mjs", entry);
const library = (await import(
  /* @vite-ignore */ existsSync(bundled) ? bundled.href : "chevrotain"
)) as Chevrotain;

export const { createToken, EmbeddedActionsParser, EOF, Lexer } = library;
