/** `--adaptive`: from the engine to the processor when the residual stream is large; `--loss-scale`. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { resumeTrainer } from "../../training/resume.ts";
import { testFolder } from "../unit/data/support.ts";
import {
  ACCUM,
  data,
  device,
  distance,
  engine,
  lossesOf,
  STEPS,
  trainer,
} from "./engine_support.ts";

const settings = { steps: STEPS, accum: ACCUM, lr: 3e-3, warmup: 1 };

test("a limit that is never reached changes nothing", () => {
  const watched = trainer({ settings: { ...settings, adaptive: 1e6 } });
  const plain = trainer();
  try {
    expect(lossesOf(watched)).toEqual(lossesOf(plain));
    expect(watched.engine).toBeDefined();
    expect(watched.state.adaptive).toEqual({ above: 0, isOff: false });
    // The programs are the same: the second trainer finds those of the first.
    expect(plain.engineCounts!.compiles).toBe(0);
    expect(watched.takeTroubles()).toEqual([]);
  } finally {
    watched.close();
    plain.close();
  }
});

test("above the limit in so many steps, the processor takes over, says so, and stays", () => {
  const path = join(testFolder(), "a.ckpt");
  const adaptive = { ...settings, adaptive: 1e-6, adaptiveWindow: 5 };
  const [t, cpu] = [trainer({ settings: adaptive }), trainer({}, { onEngine: false })];
  try {
    const losses = Array.from({ length: 4 }, () => t.step().loss);
    expect(t.engine).toBeDefined();
    losses.push(t.step().loss);
    expect(t.engine).toBeUndefined();
    const [trouble, ...more] = t.takeTroubles();
    expect(more).toEqual([]);
    expect(trouble).toMatchObject({ step: 6, action: "switched" });
    expect(trouble!.diagnostic.code).toBe("E0922");
    t.save(path);
    const resumed = resumeTrainer({ checkpoint: readCheckpoint(path), data, engine, device });
    expect(resumed.engine).toBeUndefined();
    expect(resumed.takeTroubles().map(({ action }) => action)).toEqual(["switched"]);
    const rest = lossesOf(t);
    expect(lossesOf(resumed)).toEqual(rest);
    resumed.close();
    expect(distance([...losses, ...rest], lossesOf(cpu))).toBeLessThan(0.02);

    const back = resumeTrainer({
      checkpoint: readCheckpoint(path),
      ...{ data, engine, device, settings: { adaptive: 0 } },
    });
    expect(back.engine).toBeDefined();
    back.close();
  } finally {
    t.close();
    cpu.close();
  }
});

test("the loss scale that was asked for", () => {
  const t = trainer({ settings: { ...settings, lossScale: 256 } });
  try {
    expect(t.state.engine).toMatchObject({ lossScale: 256, found: 256 });
    const cpu = trainer({}, { onEngine: false });
    expect(distance(lossesOf(t), lossesOf(cpu))).toBeLessThan(0.02);
    cpu.close();
  } finally {
    t.close();
  }
});
