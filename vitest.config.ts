import { defineConfig } from "vitest/config";

/** Tests that start nothing and change no settings of the process share its modules. */
const PURE = ["unit", "conformance", "meta"].map((folder) => `tests/${folder}/**/*.test.ts`);
/** Tests of minutes: `npm run test:long`. */
const LONG = "tests/long/**/*.test.ts";

export default defineConfig({
  test: {
    setupFiles: ["tests/support/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One file for each processor; by default one of them waits for the others.
    maxWorkers: "100%",
    // Tests make much that lives for one case only: with room for it, collecting takes half the time.
    execArgv: ["--max-semi-space-size=64", "--min-semi-space-size=16"],
    projects: [
      { extends: true, test: { name: "pure", include: PURE, isolate: false } },
      {
        extends: true,
        test: { name: "apart", include: ["tests/**/*.test.ts"], exclude: [...PURE, LONG] },
      },
      { extends: true, test: { name: "long", include: [LONG] } },
    ],
  },
});
