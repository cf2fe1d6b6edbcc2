/** The line of a long piece of work, and the time it says is left. */
import { expect, test } from "vitest";
import type { Sink } from "../../../cli/io.ts";
import { progressLine, withProgress } from "../../../cli/progress.ts";

function terminal(isTerminal = true) {
  let text = "";
  const sink: Sink = {
    write: (more) => {
      text += more;
    },
    ...{ isTerminal, columns: 80 },
  };
  /** The last line that was drawn. */
  const shown = (): string => text.split("\r").at(-1)!.trimEnd();
  return { sink, shown, text: () => text };
}

test("parts of the whole, and the time that is left at the pace so far", () => {
  const { sink, shown } = terminal();
  let at = 0;
  const line = progressLine(sink, () => at);
  line.update("window 0 of 40", 0, 40);
  expect(shown()).toBe("window 0 of 40, 0 %");
  at = 400;
  line.update("window 4 of 40", 4, 40);
  expect(shown()).toBe("window 4 of 40, 10 %");
  at = 1000;
  line.update("window 10 of 40", 10, 40);
  expect(shown()).toBe("window 10 of 40, 25 %, 3 s left");
  // Too soon for anybody to see, but the end is always shown.
  at = 1010;
  line.update("window 11 of 40", 11, 40);
  expect(shown()).toBe("window 10 of 40, 25 %, 3 s left");
  line.update("window 40 of 40", 40, 40);
  expect(shown()).toBe("window 40 of 40, 100 %");
  // Other work has a pace of its own.
  at = 9000;
  line.update("byte 1 of 9", 1, 9);
  expect(shown()).toBe("byte 1 of 9, 11 %");
  at = 11_000;
  line.update("byte 3 of 9", 3, 9);
  expect(shown()).toBe("byte 3 of 9, 33 %, 6 s left");
  line.end();
  expect(shown()).toBe("");
});

test("nobody knows how much there is: no share, no time", () => {
  const { sink, shown } = terminal();
  let at = 0;
  const line = progressLine(sink, () => at);
  line.update("1 MB", 1, 0);
  at = 5000;
  line.update("2 MB", 2, 0);
  expect(shown()).toBe("2 MB");
});

test("nothing in a pipe", () => {
  const { sink, text } = terminal(false);
  const line = progressLine(sink);
  for (let done = 0; done <= 10; done++) line.update("work", done, 10);
  line.end();
  expect(text()).toBe("");
});

test("the time that the work itself knows goes before the pace", () => {
  const { sink, shown } = terminal();
  let at = 0;
  const line = progressLine(sink, () => at);
  line.update("step 1", 1, 10, 7);
  expect(shown()).toBe("step 1, 10 %, 7 s left");
  at = 1000;
  line.update("step 2", 2, 0, 6);
  expect(shown()).toBe("step 2, 6 s left");
});

test("the line is gone when the work ends, and when it fails", () => {
  const { sink, shown, text } = terminal();
  const words = (done: number, all: number): string => `${done} of ${all}`;
  const result = withProgress(sink, words, (onProgress) => {
    onProgress(1, 2);
    expect(shown()).toBe("1 of 2, 50 %");
    return 5;
  });
  expect([result, shown()]).toEqual([5, ""]);
  const before = text();
  const fail = (): never =>
    withProgress(sink, words, (onProgress) => {
      onProgress(1, 2);
      throw new Error("no");
    });
  expect(fail).toThrow("no");
  expect(text().length).toBeGreaterThan(before.length);
  expect(shown()).toBe("");
});
