/**
 * Calls of the engine beside the host's work: the bits of one command after another, whatever takes how long.
 */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { type Access, dependencies, isWritten } from "../../compiler/bundle/effects.ts";
import type { SessionPlan } from "../../compiler/bundle/plan.ts";
import { loadModel } from "../../dsl/index.ts";
import { configureEmulator, emulatorLibrary, emulatorReport } from "../../runtime-native/js/ane.ts";
import { createSession, kernelNames, type NativeError } from "../../runtime-native/js/index.ts";
import { runTraced } from "../../training/trace.ts";
import { bitsOf, enginePlan, engineSession, FUSIONS } from "../support/engine_session.ts";
import { graphOf, randomModel, valuesOf } from "../support/random_model.ts";

const CASES = Number(process.env["FUZZ_CASES"] ?? 25);
const emulator = (settings: string): void => configureEmulator(emulatorLibrary(), settings);
afterEach(() => emulator(""));

const tiny = graphOf(loadModel("tiny"), "train", { S: 16, D: 16, H: 2, K: 1, E: 8, F: 24, V: 32 });

/** Two micro-steps of one group; `settings` are the emulator's. */
function bitsOfGroup(
  train: typeof tiny,
  seed: number,
  fusion: (typeof FUSIONS)[number],
  { settings = "numerics=fast", overlap = true, threads = 1 },
) {
  emulator(settings);
  const built = enginePlan(train, fusion);
  const session = engineSession(built, train, valuesOf(train, seed), { overlap, threads });
  try {
    session.run("micro_step", { first: true });
    session.run("micro_step");
    return bitsOf(session, built, "state");
  } finally {
    session.close();
    expect(emulatorReport(emulatorLibrary()).violations).toEqual([]);
  }
}

test("random models, random delays: the bits of one command after another", () => {
  fc.assert(
    fc.property(
      randomModel,
      fc.constantFrom(...FUSIONS),
      fc.constantFrom(1, 2, 3),
      fc.nat(1_000_000),
      ({ source, seed }, fusion, threads, chance) => {
        const train = graphOf(source, "train");
        const jitter = `numerics=fast,jitter=400,seed=${chance}`;
        const alone = bitsOfGroup(train, seed, fusion, { overlap: false });
        const beside = bitsOfGroup(train, seed, fusion, { settings: jitter, threads });
        expect(beside).toEqual(alone);
      },
    ),
    { numRuns: CASES },
  );
}, 240_000);

test("ten runs of one session with delays have the same bits", () => {
  const built = enginePlan(tiny, "layer");
  const session = engineSession(built, tiny, valuesOf(tiny, 1), { threads: 2 });
  const runs = Array.from({ length: 10 }, (_, i) => {
    emulator(`jitter=${i === 0 ? "off" : "1500"},seed=${i + 1}`);
    session.run("micro_step", { first: true });
    return bitsOf(session, built, "state");
  });
  session.close();
  for (const bits of runs) expect(bits).toEqual(runs[0]);
});

describe("order", () => {
  const access: fc.Arbitrary<Access> = fc.record({
    space: fc.constantFrom("state", "scratch"),
    begin: fc.nat(12),
    end: fc.nat(6),
    writes: fc.boolean(),
    by: fc.constantFrom("host", "host", "engine"),
  });
  const commands = fc
    .array(fc.array(access, { maxLength: 3 }), { maxLength: 14 })
    .map((list) => list.map((c) => c.map((a) => ({ ...a, end: a.begin + a.end }))));

  const conflict = (a: Access, b: Access): boolean =>
    a.space === b.space &&
    (a.writes || b.writes || a.by !== b.by) &&
    Math.max(a.begin, b.begin) < Math.min(a.end, b.end);

  test("commands wait for all they conflict with, and for nothing else", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const after = dependencies(list);
        const before = after.map((): Set<number> => new Set());
        for (const [i, own] of after.entries())
          for (const j of own) {
            before[i]!.add(j);
            for (const k of before[j]!) before[i]!.add(k);
          }
        for (const [i, a] of list.entries())
          for (const [j, b] of list.slice(0, i).entries()) {
            const isConflict = a.some((x) => b.some((y) => conflict(x, y)));
            if (isConflict) expect(before[i]).toContain(j);
            else expect(after[i]).not.toContain(j);
          }
      }),
      { numRuns: 500 },
    );
  });

  test.each(FUSIONS)(
    "%s: every command writes what it is said to write, and nothing else",
    (fusion) => {
      const built = enginePlan(tiny, fusion);
      const { plan } = built;
      const step = plan.programs.find((p) => p.name === "micro_step")!;
      const single = step.commands.map((c, i) => ({ name: `command ${i}`, commands: [c] }));
      const alone = { ...built, plan: { ...plan, programs: [...plan.programs, ...single] } };
      const session = engineSession(alone, tiny, valuesOf(tiny, 1));
      session.run("micro_step");
      const lies = (i: number) => plan.buffers[i]!;
      const touch = (a: number, b: number): boolean =>
        lies(a).arena === lies(b).arena &&
        lies(a).offset < lies(b).offset + lies(b).bytes &&
        lies(b).offset < lies(a).offset + lies(a).bytes;
      const moved = new Set<string>();
      for (const [i, command] of step.commands.entries()) {
        const written = command.operands
          .filter((o, at) => o.buffer >= 0 && isWritten(command, at))
          .map((o) => o.buffer);
        const before = bitsOf(session, built);
        session.run(`command ${i}`);
        const after = bitsOf(session, built);
        for (const [at, { name }] of plan.buffers.entries()) {
          if (before.get(name) === after.get(name)) continue;
          moved.add(command.kernel);
          expect(
            written.some((w) => touch(w, at)),
            `${command.kernel} writes ${name}`,
          ).toBe(true);
        }
      }
      session.close();
      expect(moved.size).toBeGreaterThan(5);
    },
  );

  test("every host kernel is known", () => {
    // These two say in their numbers how many of their operands are inputs.
    const unknown = kernelNames().filter((kernel) =>
      kernel === "elementwise" || kernel === "rowwise"
        ? false
        : Array.from({ length: 8 }, (_, i) => isWritten({ kernel, ints: [] }, i)).every((w) => w),
    );
    expect(unknown).toEqual([]);
  });

  /** One program of two fills; `order` is put beside it. */
  const ordered = (order: NonNullable<SessionPlan["programs"][number]["order"]>): SessionPlan => {
    const fill = { kernel: "fill", ints: [4], floats: [1], label: "fill" };
    const commands = [0, 1].map(() => ({ ...fill, operands: [{ buffer: 0, offset: 0 }] }));
    const buffers = [{ name: "x", arena: "state", dtype: "f32", offset: 0, bytes: 16 } as const];
    const programs = [{ name: "main", commands, order }];
    return { version: 1, stateBytes: 64, scratchBytes: 0, buffers, programs };
  };

  test.each([
    [
      "itself",
      [
        { after: [0], rank: 0 },
        { after: [], rank: 1 },
      ],
    ],
    [
      "a later one",
      [
        { after: [1], rank: 0 },
        { after: [], rank: 1 },
      ],
    ],
    [
      "one before the first",
      [
        { after: [], rank: 0 },
        { after: [-1], rank: 1 },
      ],
    ],
    [
      "half a command",
      [
        { after: [], rank: 0 },
        { after: [0.5], rank: 1 },
      ],
    ],
    [
      "no rank",
      [
        { after: [], rank: 0 },
        { after: [0], rank: 2 },
      ],
    ],
    ["too few", [{ after: [], rank: 0 }]],
  ])("a command that waits for %s is refused", (_, order) => {
    expect(() => createSession(ordered(order))).toThrow(
      expect.objectContaining({ code: "E0603" }) as NativeError,
    );
  });

  test("a plan with an order and no engine runs one after another", () => {
    const session = createSession(
      ordered([
        { after: [], rank: 1 },
        { after: [0], rank: 0 },
      ]),
    );
    session.run("main");
    expect([...session.f32("x")]).toEqual([1, 1, 1, 1]);
    session.close();
  });
});

test("a failure stops the run while others are under way, and the next run is whole", () => {
  const built = enginePlan(tiny, "pairs");
  const session = engineSession(built, tiny, valuesOf(tiny, 1), { threads: 2 });
  session.run("micro_step", { first: true });
  const expected = bitsOf(session, built, "state");
  const faults = [
    ["timeout=every:1,jitter=500", "E0623"],
    ["lock-fault=3,jitter=500", "E0625"],
    ["lock-fault=9,jitter=500", "E0625"],
    ["unlock-fault=5", "E0625"],
  ] as const;
  for (const [settings, code] of faults) {
    emulator(settings);
    expect(() => session.run("micro_step", { first: true })).toThrow(
      expect.objectContaining({ code }) as NativeError,
    );
    emulator("");
    session.run("micro_step", { first: true });
    expect(bitsOf(session, built, "state")).toEqual(expected);
  }
  const targets = session.i32("input.targets");
  const right = targets[0]!;
  targets[0] = 1e6;
  expect(() => session.run("micro_step", { first: true })).toThrow(
    expect.objectContaining({ code: "E0604" }) as NativeError,
  );
  targets[0] = right;
  session.run("micro_step", { first: true });
  expect(bitsOf(session, built, "state")).toEqual(expected);
  session.close();
});

test("the host works while the engine does, and only where it may", () => {
  emulator("jitter=20000,numerics=fast");
  const built = enginePlan(tiny, "layer");
  const session = engineSession(built, tiny, valuesOf(tiny, 1));
  // On a busy machine the host's thread may be kept waiting for as long as a call takes.
  let most = 0;
  for (let run = 0; run < 20 && most <= 5; run++) {
    const trace = runTraced(session, built, "micro_step", { first: true });
    const calls = trace.filter((c) => c.kernel === "engine_call");
    const others = trace.filter((c) => c.kernel !== "engine_call");
    const isDuring = (c: (typeof trace)[number]): boolean =>
      calls.some((call) => call.start < c.start && c.end < call.end);
    most = Math.max(most, others.filter(isDuring).length);
    // One call at a time, one command of staging at a time.
    for (const lane of [calls, others.filter((c) => c.kernel.startsWith("engine_"))])
      for (const [i, c] of lane.slice(1).entries())
        expect(c.start).toBeGreaterThanOrEqual(lane[i]!.end);
  }
  session.close();
  expect(most).toBeGreaterThan(5);
});
