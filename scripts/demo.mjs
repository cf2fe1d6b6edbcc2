/**
 * What `npm start` shows: a transformer that learns English from real text for a minute, and what it
 * then writes.
 *
 *     npm start                    builds first
 *     node scripts/demo.mjs        the same with what is built
 *     node scripts/demo.mjs 300    for five minutes
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
if (!existsSync(join(root, "dist", "cli", "main.js"))) {
  process.stderr.write("anec is not built yet: run `npm run build`\n");
  process.exit(3);
}
const { processIo, run } = await import("../dist/cli/main.js");

const io = processIo();
const seconds = process.argv[2] ?? "60";
const MODEL = "autoresearch";
const CHECKPOINT = "runs/autoresearch.ckpt";

/** A heading, and the command that does what follows, so that it can be repeated. */
function say(title, command) {
  io.out.write(`\n== ${title}\n   ${command}\n\n`);
}

/** Runs a command line; any outcome but success ends the demo, unless it is expected. */
async function anec(argv, expected = [0]) {
  const code = await run(argv, io);
  if (!expected.includes(code)) process.exit(code);
  return code;
}

process.chdir(root);
io.out.write(
  "anec reads a model from a page of equations (dsl/models/autoresearch.ane), derives its gradients,\n" +
    "and trains it on this machine's processor.\n",
);

say("1. The text: speeches of presidents and Moby Dick, 12 MB of English", "npx anec data fetch");
let data = "default";
let prompt = "The people of";
if ((await run(["data", "fetch"], io)) !== 0) {
  data = "builtin:stories";
  prompt = "Once upon a time";
  io.out.write(
    "\nThe text could not be fetched (the reason is above), so the demo goes on with small stories that\n" +
      "anec makes itself: `--data builtin:stories`. With a network, run `npm start` again for real text.\n",
  );
}

// Small groups and a high rate: the quickest way to words in the little time there is.
const pace = ["--accum", "2", "--lr", "1e-3", "--warmup", "20"];
const train = ["train", "--model", MODEL, "--data", data, "--time", seconds, ...pace];
say(`2. Training for ${seconds} seconds (Ctrl-C ends it earlier)`, `npx anec ${train.join(" ")}`);
io.out.write(
  "   `loss` is the cost of each next token in nats: lower is better. A blind guess is the starting\n" +
    "   point; it falls as the model learns which words there are, and then which follow which.\n\n",
);
mkdirSync("runs", { recursive: true });
await anec([...train, "--out", CHECKPOINT], [0, 130]);

say(
  "3. What it writes now",
  `npx anec generate ${CHECKPOINT} --prompt "${prompt}" --tokens 80 --temperature 0.6`,
);
await anec(["generate", CHECKPOINT, "--prompt", prompt, "--tokens", "80", "--temperature", "0.6"]);

io.out.write(
  "\nAfter a minute it knows words, not yet sense. Go on where it stopped, for as long as you like:\n\n" +
    `   npx anec train --resume ${CHECKPOINT} --time 600\n\n` +
    "Or write a model of your own: the language is shown in README.md, the stages in ARCHITECTURE.md.\n",
);
