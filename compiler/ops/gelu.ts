import { add } from "./add.ts";
import { elementwise, type Unary } from "./elementwise.ts";
import { erf, erfOf } from "./erf.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";
import { square } from "./square.ts";

/** gelu(x) = x · Φ(x), Φ the normal distribution function (the exact form, not the tanh one). */
export const gelu: Unary = elementwise("gelu", {
  doc: "x · Φ(x), with Φ the normal distribution function",
  eval: (x) => 0.5 * x * (1 + erfOf(x * Math.SQRT1_2)),
  decompose: (x) => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)),
  // dy/dx = Φ(x) + x·φ(x), φ(x) = e^(−x²/2)/√(2π).
  grad: (x, _y, dy) => {
    const cdf = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    const pdf = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return mul(dy, add(cdf, mul(x, pdf)));
  },
  flops: 15,
  domain: [-3, 3],
});
