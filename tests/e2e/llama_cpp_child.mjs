/**
 * Runs a GGUF file in llama.cpp: `node llama_cpp_child.mjs ADDON REQUEST`. ADDON is the library of
 * node-llama-cpp, REQUEST a `LlamaRequest` as JSON; prints a `LlamaRun`. See llama_cpp_support.ts.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";

const [addon, text] = process.argv.slice(2);
const { file, prompt, count, texts = [] } = JSON.parse(text);

const llama = createRequire(import.meta.url)(addon);
const words = [];
llama.setLogger((_level, line) => words.push(line));
llama.setLoggerLogLevel(3); // warnings and worse
llama.loadBackends(dirname(addon));
await llama.init();

/** Ends with what llama.cpp said. */
async function refuse() {
  // Lines of its log come with the next turns of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 50));
  end({ error: words.join("") || "it refuses the file" });
  await new Promise(() => {});
}

/** Prints the result, and ends once all of it is out: the library's threads do not end by themselves. */
function end(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

const options = { addonExports: llama, gpuLayers: 0, useMmap: false, checkTensors: true };
const model = new llama.AddonModel(file, options);
if (!(await model.init())) await refuse();
const size = Math.max(1, prompt.length + count);
const context = new llama.AddonContext(model, {
  ...{ contextSize: size, batchSize: size, sequences: 1, threads: 1 },
  // Keys and values are not rounded.
  ...{ flashAttention: false, kvCacheKeyType: 0, kvCacheValueType: 0 },
});
if (!(await context.init())) await refuse();
const sampler = new llama.AddonSampler(model);
sampler.applyConfig({ temperature: 0 });

const ids = [];
const logits = [];
let fed = prompt;
for (let held = 0; ids.length < count; held += fed.length) {
  if (ids.length > 0) fed = [ids.at(-1)];
  context.initBatch(fed.length);
  const [place] = context.addToBatch(
    0,
    held,
    Uint32Array.from(fed),
    Uint32Array.of(fed.length - 1),
  );
  await context.decodeBatch();
  const [id, , , pairs] = await context.sampleToken(place, sampler, false, false, true);
  const row = new Array(pairs.length / 2);
  for (let at = 0; at < pairs.length; at += 2) row[pairs[at]] = pairs[at + 1];
  ids.push(id);
  logits.push(row);
}
const encoded = texts.map((line) => Array.from(model.tokenize(line, false)));
const [bos, eos] = [model.tokenBos(), model.tokenEos()];
const startsWithBos = model.shouldPrependBosToken();
end({ ids, logits, encoded, bos, eos, startsWithBos });
