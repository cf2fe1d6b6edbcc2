/** Statements without names. */
import { refusalProbe } from "./refusal.ts";

export const statementNames = refusalProbe("statement_names", {
  asks: "Is a statement refused that has no `name`?",
  notEmulated: true,
});
