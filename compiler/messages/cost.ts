/** Messages about predicted times (E0966). */
import { message } from "./message.ts";

export const nothingToPredict = message(
  "E0966",
  {
    summary: "nothing that the engine runs",
    explain:
      "`anec cost` predicts programs of the Neural Engine. What was given has none: the host does all of it, " +
      "or the file has no function.",
  },
  (name: string) => ({ title: `\`${name}\` has no program for the engine` }),
);
