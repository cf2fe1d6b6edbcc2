/** The build information on one line. */

import { find } from "../../mil/tree.ts";
import { textOf } from "../../support/source.ts";
import { against, defineFact, type Finding, reported } from "./define.ts";
import { fp16, line, program } from "./examples.ts";

const text = program(fp16("x", [1, 64, 1, 32]), line("y", [1, 64, 1, 32], "relu(x = x)"));

export const buildInfoLine = defineFact({
  id: "build_info_line",
  statement: "`[buildInfo = …]` must stand on one line.",
  kind: "format",
  evidence: [
    reported("electricapp/ane-bridge-rs", "line breaks in it fail, M5"),
    reported("AmiraniLabs/libane", "warns of it, M3"),
    against("sbryngelson/ANEForge MIL primer", "line breaks are fine"),
  ],
  *check({ program: p }): Generator<Finding> {
    const info = find(p.attributes, "buildInfo");
    if (info?.span !== undefined && textOf(info.span).includes("\n"))
      yield { title: "the build information goes over several lines", span: info.span };
  },
  workaround: "write it on one line",
  // Printing puts it on one line; without its place in the old text it counts as printed.
  fix: ({ program: p }) => ({
    ...p,
    attributes: p.attributes.map(({ name, value }) => ({ name, value })),
  }),
  emulator: "accepts it",
  examples: { fires: text.replace(', {"coremlc-version"', ',\n {"coremlc-version"'), silent: text },
});
