// A model in the language, compiled for the Neural Engine and trained on the processor.
//
//     node examples/library/tiny.mjs
import { compile, load, Session } from "anec";

const model = load("tiny", { define: { L: 1 } });
console.log(`entries: ${model.entries.join(", ")}`);

const { mil, stats } = compile(model, { target: "ane", gradients: true });
console.log(`ane: ${stats.programs} programs, ${stats.parameters} parameters`);
console.log(`first program: ${[...mil.values()][0].split("\n")[0]}`);

// Learn to count: the next token is the one after this.
const S = model.dims.get("S");
const count = (from) => Int32Array.from({ length: S }, (_, i) => (from + i) % 64);
const session = Session.open(model, { learn: { lr: 3e-3 } });
for (let step = 0; step <= 60; step += 1) {
  const { loss } = session.step({ tokens: count(step), targets: count(step + 1) });
  if (step % 20 === 0) console.log(`step ${step}  loss ${loss.toFixed(2)}`);
}
session.close();
