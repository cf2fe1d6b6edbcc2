import { defineConfig } from "vitest/config";

/** Tests that change no settings of the process share its modules. */
const SHARED = ["unit", "conformance", "meta", "fuzz", "native", "numerics"];
const PURE = SHARED.map((folder) => `tests/${folder}/**/*.test.ts`);
/** Files in these folders that replace a module, measure the process, or settle what engine it has. */
const OWN = ["fuzz/ane_fusion", "native/memory", "native/overlap"].map(
  (name) => `tests/${name}.test.ts`,
);
/** They make much that lives for one case only: with room for it they take a twentieth less time. */
const execArgv = ["--max-semi-space-size=64", "--min-semi-space-size=16"];
/** Tests of minutes: `npm run test:long`. */
const LONG = "tests/long/**/*.test.ts";

export default defineConfig({
  test: {
    setupFiles: ["tests/support/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One file for each processor; by default one of them waits for the others.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: { name: "pure", include: PURE, exclude: OWN, isolate: false, execArgv },
      },
      {
        extends: true,
        test: { name: "apart", include: ["tests/e2e/**/*.test.ts", ...OWN], execArgv },
      },
      { extends: true, test: { name: "long", include: [LONG] } },
    ],
  },
});
