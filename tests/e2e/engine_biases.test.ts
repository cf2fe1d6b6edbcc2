/** Vectors that are longer than the surface they are packed on has rows lie across it: their gradients are the cpu's. */
import { expect, test } from "vitest";
import { leafName } from "../../compiler/ir/graph.ts";
import { inputStorage, paramStorage } from "../../passes/lower_to_host.ts";
import type { Session } from "../../runtime-native/js/index.ts";
import { openSession } from "../../training/host_session.ts";
import { trainingPlan } from "../../training/programs.ts";
import { enginePlan, engineSession, FUSIONS } from "../support/engine_session.ts";
import { graphOf, valuesOf } from "../support/random_model.ts";

const biased = {
  path: "biased.ane",
  text: `dims S = 16, D = 32, H = 4, K = 4, E = 16, F = 96, V = 64, L = 2
layer biased(x: [S, D]) -> [S, D] {
  param up: [D, F]
  param b1: [F] init zeros
  param down: [F, D]
  param b2: [D] init zeros
  return gelu(x @ up + b1) @ down + b2
}
layer one(x: [S, D]) -> [S, D] {
  x += attention(rms_norm#a(x))
  x += biased(rms_norm#b(x))
  return x
}
model m(tokens: i32[S]) -> [S, V] {
  x = embed(tokens)
  repeat L { x = one(x) }
  return rms_norm#last(x) @ embed.weight'
}
train m(tokens: i32[S], targets: i32[S]) {
  loss cross_entropy(m(tokens), targets)
}
`,
};

test.each(FUSIONS)("%s", (fusion) => {
  const train = graphOf(biased, "train");
  const values = valuesOf(train, 7);
  const gradients = (session: Session): Map<string, number[]> => {
    session.run("micro_step");
    const names = train.params.map((p) => `grad.${leafName(p)}`);
    const read = new Map(names.map((name) => [name, [...session.f32(name)]]));
    session.close();
    return read;
  };
  const host = openSession(trainingPlan(train), { threads: 1, blas: "builtin" });
  for (const leaf of train.params)
    host.f32(paramStorage(leafName(leaf))).set(values.get(leafName(leaf))!.data);
  for (const leaf of train.inputs)
    host.i32(inputStorage(leafName(leaf))).set(values.get(leafName(leaf))!.data);
  const expected = gradients(host);
  for (const [name, found] of gradients(engineSession(enginePlan(train, fusion), train, values))) {
    const wanted = expected.get(name)!;
    const size = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0));
    const apart = Math.sqrt(found.reduce((sum, x, i) => sum + (x - wanted[i]!) ** 2, 0));
    expect(apart / size, name).toBeLessThan(0.02);
  }
});
