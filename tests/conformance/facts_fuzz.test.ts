/** Checks and mends get along with programs that the checker would not pass. */
import { expect, test } from "vitest";
import { parseMil } from "../../compiler/mil/parse.ts";
import { printMil } from "../../compiler/mil/print.ts";
import { UserError } from "../../compiler/support/diagnostic.ts";
import { checkForChip, fixForChip } from "../../compiler/target/check_chip.ts";
import { CHIP_NAMES } from "../../compiler/target/chip_names.ts";
import { facts } from "../../compiler/target/facts/index.ts";
import { seeded } from "../support/samples.ts";

const random = seeded(2026);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

const texts = facts
  .flatMap(({ examples: { fires, silent } }) => [fires, silent])
  .filter((e) => typeof e === "string");

/** Words of a program taken out, doubled, or put in the place of another. */
function mutated(text: string): string {
  const words = text.split(/(?<=[\s,()[\]=])/);
  for (let n = 0; n < 3; n++) {
    const at = Math.floor(random() * words.length);
    const kind = random();
    if (kind < 0.3) words.splice(at, 1);
    else if (kind < 0.5) words.splice(at, 0, pick(words));
    else if (kind < 0.7)
      words[at] = words[at]!.replace(/\d+/, () =>
        pick(["?", "0", "1", "3", "70000", "2147483647", "-1"]),
      );
    else words[at] = pick(words);
  }
  return words.join("");
}

test("nothing that parses makes a check or a mend fail", () => {
  let parsed = 0;
  for (let i = 0; i < 10_000; i++) {
    const text = mutated(pick(texts));
    const chip = pick(CHIP_NAMES);
    try {
      const program = parseMil({ path: "m.mil", text });
      parsed += 1;
      checkForChip(program, { chip });
      printMil(fixForChip(program, { chip }).program);
    } catch (error) {
      if (!(error instanceof UserError))
        throw new Error(`${String(error)}\n${text}`, { cause: error });
    }
  }
  expect(parsed).toBeGreaterThan(1000);
});
