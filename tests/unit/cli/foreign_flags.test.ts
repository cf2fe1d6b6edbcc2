import { Command } from "commander";
import { expect, test } from "vitest";
import { commands } from "../../../cli/commands/index.ts";
import { foreignFlags } from "../../../cli/foreign_flags.ts";
import { anec } from "../../e2e/cli_support.ts";

test("flags of other systems are none of ours, and what stands for them is", async () => {
  const flags = new Set<string>();
  for (const { name, load } of commands.filter((c) =>
    ["train", "eval", "generate", "search", "compile"].includes(c.name),
  )) {
    const parser = new Command(name);
    (await load()).command.define(parser);
    for (const { long } of parser.options) flags.add(long!);
  }
  for (const [theirs, ours] of Object.entries(foreignFlags)) {
    expect(flags, theirs).not.toContain(theirs);
    for (const [named] of ours.matchAll(/--[a-z-]+/g)) expect(flags, theirs).toContain(named);
  }
});

test("an old flag is answered with the new one", async () => {
  const { code, err } = await anec(["train", "--model", "tiny", "--ane-matmul-only"]);
  expect(code).toBe(2);
  expect(err).toContain("what AutoANE calls `--ane-matmul-only` is `--device ane --ane matmul`");
});
