// Draws the mask of sliding.ane, and checks the gradient of each of its parameters.
//
//     node examples/sliding_window/gradient.mjs
import { fileURLToPath } from "node:url";
import { load, Session } from "anec";

const path = fileURLToPath(new URL("sliding.ane", import.meta.url));
const S = 8;
const define = { S, W: 3, D: 16, H: 2, E: 8, F: 32, V: 50, L: 1, embed_scale: 1 };
const toy = load(path, { define });

const mask = Session.open(toy, { entry: "window" });
const { out } = mask.run({});
for (let i = 0; i < S; i += 1) {
  const row = out.subarray(i * S, (i + 1) * S);
  console.log(Array.from(row, (value) => (value === 0 ? "x" : ".")).join(" "));
}
mask.close();

// One step of plain SGD with a rate of 1 takes the gradient off the parameters.
const session = Session.open(toy, {
  learn: { optimizer: "sgd", lr: 1, beta1: 0, wd: 0, clip: 0 },
});
const tokens = Array.from({ length: S }, (_, i) => (7 * i) % 50);
const targets = tokens.map((id) => (3 * id + 1) % 50);
const start = session.params.map(({ name }) => session.param(name).slice());
session.step({ tokens, targets });
const gradients = session.params.map(({ name }, p) =>
  start[p].map((value, i) => value - session.param(name)[i]),
);

/** The loss with parameter `p` moved by `distance` along its gradient. */
function lossAt(p, distance) {
  for (const [q, { name }] of session.params.entries()) session.param(name).set(start[q]);
  const length = Math.hypot(...gradients[p]);
  const moved = start[p].map((value, i) => value + (distance * gradients[p][i]) / length);
  session.param(session.params[p].name).set(moved);
  return session.run({ tokens, targets }).loss[0];
}

// Along a gradient the loss rises by the gradient's length.
const distance = 0.02;
for (const [p, { name }] of session.params.entries()) {
  const length = Math.hypot(...gradients[p]);
  const slope = (lossAt(p, distance) - lossAt(p, -distance)) / (2 * distance);
  const verdict = Math.abs(slope / length - 1) < 0.01 ? "ok" : "WRONG";
  console.log(
    `${name.padEnd(28)}  gradient ${length.toFixed(2)}  slope ${slope.toFixed(2)}  ${verdict}`,
  );
}
session.close();
