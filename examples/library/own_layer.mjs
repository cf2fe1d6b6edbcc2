// A layer of one's own, built in JavaScript: a gated sum of two products, trained to fit a function.
//
//     node examples/library/own_layer.mjs
import { compile, explainErrors, layer, model, ops, Session, UserError } from "anec";

/** x [N, D] → [N, F] → [N, D] */
const gated = layer("gated", (b, x, D, F) => {
  const up = b.param("up", [D, F]);
  const gate = b.param("gate", [D, F]);
  const down = b.param("down", [F, D]);
  return ops.matmul(ops.mul(ops.silu(ops.matmul(x, gate)), ops.matmul(x, up)), down);
});

const net = model(
  "net",
  (b) => {
    const [N, D, F] = [b.dim("N", 32), b.dim("D", 4), b.dim("F", 16)];
    const x = b.input("x", [N, D]);
    const y = b.input("y", [N, D]);
    const error = ops.sub(b.call(gated, x, D, F), y);
    const squares = ops.reduceMean(ops.square(error), { axes: [0, 1] });
    return squares;
  },
  { output: "loss" },
);

const session = Session.open(net, { learn: { lr: 1e-2, wd: 0 } });
console.log(session.params.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join("  "));
const x = Float32Array.from({ length: 32 * 4 }, (_, i) => Math.sin(i));
const y = x.map((v) => v * v);
const first = session.step({ x, y }).loss;
for (let i = 0; i < 400; i += 1) session.step({ x, y });
const { loss } = session.run({ x, y });
console.log(`the error fell by a factor of more than 10: ${loss[0] < first / 10}`);
session.close();

console.log(`cpu: ${compile(net, { target: "cpu", gradients: true }).stats.dispatches > 0}`);

try {
  model("wrong", (b) => {
    const [N, D] = [b.dim("N", 2), b.dim("D", 3)];
    return ops.matmul(b.input("x", [N, D]), b.input("y", [N, D]));
  });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.log(explainErrors(error).split("\n")[0]);
}
