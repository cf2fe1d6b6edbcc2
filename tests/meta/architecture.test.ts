/**
 * The dumps in ARCHITECTURE.md are what the commands above them print, by the code as it is.
 *
 *     ```sh
 *     small --print ir | head -3      `small` is defined by the first block of the page
 *     ```
 *
 *     ```ir
 *     …                               the output
 *     ```
 *
 * `anec` runs in this process, and what stands behind the first `|` in a shell. `vitest -u` rewrites the dumps.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../../dsl/index.ts";
import { anec } from "../e2e/cli_support.ts";
import { contentOf } from "./source_files.ts";

const document = contentOf("ARCHITECTURE.md");
const DUMP = /```sh\n(?<command>[^\n]*)\n```\n\n```(?<language>\w+)\n[\s\S]*?```/g;

/** What `small` stands for. */
const small = /^small\(\) \{ anec (.*) "\$@"; \}$/m.exec(document)![1]!;

function shell(command: string, input = ""): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
    cwd: packageRoot(),
    encoding: "utf8",
    input,
  });
  expect(`${stderr}exit ${status}`, command).toBe("exit 0");
  return stdout;
}

async function outputOf(command: string): Promise<string> {
  const [own, filter] = /^(.*?)(?: \| (.*))?$/.exec(command)!.slice(1) as [string, string?];
  const line = own.replace(/^small\b/, `anec ${small}`);
  if (!line.startsWith("anec ")) return shell(command);
  const words = line.split(" ").slice(1);
  const bundle = "tiny.train.anec";
  const folder = mkdtempSync(join(tmpdir(), "anec-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, bundle);
  const { code, out, err } = await anec(
    words.includes("--print") ? words : [...words, "--out", path],
  );
  expect(`${err}exit ${code}`, command).toBe("exit 0");
  const shown = out.replaceAll(path, bundle);
  return filter === undefined ? shown : shell(filter, shown);
}

test("its dumps are what their commands print", async () => {
  let made = "";
  let from = 0;
  for (const { 0: whole, index, groups } of document.matchAll(DUMP)) {
    const { command, language } = groups as { command: string; language: string };
    const output = await outputOf(command);
    expect(output, command).not.toBe("");
    made += `${document.slice(from, index)}\`\`\`sh\n${command}\n\`\`\`\n\n`;
    made += `\`\`\`${language}\n${output.trimEnd()}\n\`\`\``;
    from = index + whole.length;
  }
  await expect(made + document.slice(from)).toMatchFileSnapshot("../../ARCHITECTURE.md");
});

test("every block stands under its command, but the stages at the top", () => {
  const rest = document.replaceAll(DUMP, "");
  const languages = [...rest.matchAll(/^```(\w+)/gm)].map((fence) => fence[1]);
  expect(languages).toEqual(["text", "sh"]);
});
