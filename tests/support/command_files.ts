/** Small files for command lines of every kind. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { inNewFolder } from "../e2e/cli_support.ts";

const MODEL = `dims S = 8, D = 16, V = 64

model m(tokens: i32[S]) -> [S, V] {
  param w: [D, D]
  x = embed(tokens)
  x += rms_norm(x) @ w
  return x @ embed.weight'
}

train m(tokens: i32[S], targets: i32[S]) {
  loss cross_entropy(m(tokens), targets)
}
`;

/** A program of the smallest kind. */
const MIL = `program(1.3)
[buildInfo = dict<string, string>({})]
{
    func main<ios18>(tensor<fp16, [1, 8, 1, 32]> x) {
        tensor<fp16, [1, 8, 1, 32]> y = sigmoid(x = x)[name = string("y")];
    } -> (y);
}
`;

/** A new folder as the current one until the test ends, with `m.ane`, `x.mil`, `t.txt` and a cache of its own. */
export function inFolderWithFiles(): void {
  const folder = inNewFolder();
  const before = process.env["XDG_CACHE_HOME"];
  process.env["XDG_CACHE_HOME"] = join(folder, "cache");
  onTestFinished(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
  });
  writeFileSync("m.ane", MODEL);
  writeFileSync("x.mil", MIL);
  writeFileSync("t.txt", "Once upon a time there was a text. ".repeat(400));
}
