/** A micro-step on the engine asks for no memory, counted in every allocation of the runtime. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadModel } from "../../dsl/index.ts";
import { emulatorLibrary } from "../../runtime-native/js/ane.ts";
import { enginePlan, FUSIONS } from "../support/engine_session.ts";
import { graphOf } from "../support/random_model.ts";
import { fieldsOf, sessionRun } from "../support/session_run.ts";

test.each(FUSIONS)("%s: nothing is allocated from the second micro-step on", (fusion) => {
  const folder = mkdtempSync(join(tmpdir(), "anec-steady-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const train = graphOf(loadModel("tiny"), "train", { S: 16, D: 16, F: 24, V: 32 });
  writeFileSync(join(folder, "plan"), fieldsOf(enginePlan(train, fusion).plan));
  const step = ["micro_step", "micro_step", "micro_step", "norm", "update", "stage"];
  const line = [join(folder, "plan"), emulatorLibrary(), "stage", ...step, ...step];
  const env = { ...process.env, ANEC_EMULATOR: "numerics=fast" };
  const counted = execFileSync(sessionRun, line, { env, encoding: "utf8" }).trim().split("\n");
  expect(counted).toHaveLength(1 + 2 * step.length);
  // −1: a platform on which nobody counts.
  const none =
    process.platform === "linux" && process.env["ANEC_NATIVE"] === undefined ? "0" : "-1";
  expect(counted.slice(2)).toEqual(counted.slice(2).map(() => none));
  // Words of a failure that is tried again are made anew: what is counted is counted.
  const faulty = { ...env, ANEC_EMULATOR: "numerics=fast,timeout=1" };
  const mended = execFileSync(sessionRun, line, { env: faulty, encoding: "utf8" }).split("\n");
  expect(mended[1] === "0").toBe(false);
});
