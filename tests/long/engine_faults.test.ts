/** Many faults of the engine in one run: the losses of an undisturbed one, or a stop from which it goes on. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { UserError } from "../../compiler/support/diagnostic.ts";
import { emulatorLibrary, emulatorReport } from "../../runtime-native/js/ane.ts";
import { readCheckpoint } from "../../training/checkpoint.ts";
import { createRandom } from "../../training/random.ts";
import { resumeTrainer } from "../../training/resume.ts";
import { startRun } from "../../training/run.ts";
import {
  ACCUM,
  data,
  device,
  engine,
  inject,
  KINDS,
  lossesOf,
  RELOADING,
  trainer,
} from "../e2e/engine_support.ts";
import { testFolder } from "../unit/data/support.ts";

test("fifty random faults in one run", () => {
  const steps = 50;
  const settings = { steps, accum: ACCUM, lr: 3e-3, warmup: 1 };
  const whole = trainer({ settings });
  const expected = lossesOf(whole);
  whole.close();
  const random = createRandom(7);
  const pick = (n: number): number => random.uniformIndex(n);
  let faults = 0;
  const kinds = ["timeout", "inference-fault", "daemon-restart"];
  const memory = ["lock-fault", "unlock-fault", "base-fault"];
  const t = trainer({ settings });
  const losses = lossesOf(t, (step) => {
    if (step > 1) faults += emulatorReport(emulatorLibrary()).faults;
    const kind = pick(3) > 0 ? kinds[pick(3)]! : memory[pick(3)]!;
    inject(`${kind}=${1 + pick(4)},${kinds[pick(3)]}=${5 + pick(4)}`);
  });
  const actions = t.takeTroubles().map((x) => x.action);
  t.close();
  expect(losses).toEqual(expected);
  expect(faults).toBeGreaterThanOrEqual(50);
  expect(actions.filter((a) => a === "tried_again").length).toBeGreaterThan(10);
  expect(actions.filter((a) => a === "reloaded").length).toBeGreaterThan(5);
  expect(emulatorReport(emulatorLibrary()).violations).toEqual([]);
});

/** What a message says of each fault that stops a run. */
const WORDS: Readonly<Record<string, string>> = {
  timeout: "status=0xf",
  "inference-fault": "status=0x16",
  "daemon-restart": "restart",
  "transient-load": "could not load",
  "transient-compile": "refused to compile",
  "unload-fault": "unload",
  "lock-fault": "cannot be locked",
  "unlock-fault": "cannot be unlocked",
  "base-fault": "no address",
  "surface-fault": "gave no surface",
  "short-surface": "too small",
  "nil-descriptor": "no descriptor was made",
  "nil-model": "no model was made",
  "nil-request": "request is nil",
  "nil-wrapper": "refused a surface",
};

test("fifty faults of every kind: a run that stops says why, and its checkpoint goes on to the same losses", async () => {
  const steps = 48;
  const settings = { steps, accum: ACCUM, lr: 3e-3, warmup: 1, valEvery: 0 };
  const whole = trainer({ settings });
  const expected = lossesOf(whole);
  whole.close();

  const random = createRandom(29);
  const pick = (n: number): number => random.uniformIndex(n);
  const kinds = Object.keys(WORDS);
  expect(kinds.sort()).toEqual([...KINDS, ...RELOADING].sort());
  const out = join(testFolder(), "run.ckpt");
  const losses: number[] = [];
  const seen = new Set<string>();
  let [faults, stops, turn] = [0, 0, 0];
  let given: readonly string[] = [];
  const disturb = (): void => {
    faults += emulatorReport(emulatorLibrary()).faults;
    const kind = kinds[(4 * turn++) % kinds.length]!;
    // Something has to be made again, so that faults of making things get their turn.
    const again = pick(2) === 0 ? "daemon-restart" : "lock-fault";
    const forgets = pick(2) === 0 ? "restart-forgets=on,leaves-files=off," : "";
    const when = [`${1 + pick(3)}`, `first:${2 + pick(3)}`, "every:1"][pick(3)]!;
    given = [...new Set([kind, again])];
    seen.add(kind);
    inject(`${forgets}${kind === again ? "" : `${again}=1,`}${kind}=${when}`);
  };
  let t = trainer({ settings, fallback: false });
  for (let processes = 0; !t.done; processes++) {
    expect(processes).toBeLessThan(steps);
    const run = startRun({
      ...{ trainer: t, out },
      onEvent: (e) => {
        if (e.kind !== "step") return;
        losses[e.step - 1] = e.loss;
        if (e.step < steps && pick(4) > 0) disturb();
      },
    });
    const stopped = await run.finished.then(
      () => undefined,
      (error: unknown) => error as UserError,
    );
    faults += emulatorReport(emulatorLibrary()).faults;
    expect(emulatorReport(emulatorLibrary()).violations).toEqual([]);
    inject("");
    t.close();
    if (stopped === undefined) break;
    stops++;
    const { code, title, notes = [] } = stopped.diagnostics[0]!;
    expect(code).toBe("E0918");
    const text = `${title} ${notes.flat().join(" ")}`;
    expect(
      given.some((kind) => text.includes(WORDS[kind]!)),
      `${given.join()}: ${text}`,
    ).toBe(true);
    // Up to the last update everything is there.
    const checkpoint = readCheckpoint(out);
    expect(checkpoint.state.step).toBe(losses.length - (losses.length % ACCUM));
    t = resumeTrainer({ checkpoint, data, engine, device, fallback: false });
  }
  expect(losses).toEqual(expected);
  expect(faults).toBeGreaterThanOrEqual(50);
  expect(stops).toBeGreaterThan(5);
  expect([...seen].sort()).toEqual([...kinds].sort());
}, 240_000);
