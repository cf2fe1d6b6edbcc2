/** Functions of MIL as panes of a page: as many as a browser and a reader can take. */
import { count } from "../../compiler/messages/files.ts";
import type { MilFunction } from "../../compiler/mil/tree.ts";
import { drawingOf } from "../graph/arrange.ts";
import type { Pane } from "../graph/drawing.ts";
import { MOST_STATEMENTS, sourceOfMil } from "../graph/from_mil.ts";

export type Titled = readonly [title: string, f: MilFunction];

/** Functions that are drawn. */
const MOST_PANES = 40;

/** Panes of the first functions; `left` says in a sentence what is not drawn. */
export function functionPanes(functions: readonly Titled[]): {
  readonly panes: readonly Pane[];
  readonly left: string;
} {
  let room = MOST_STATEMENTS;
  const panes = functions.slice(0, MOST_PANES).map(([title, f]): Pane => {
    const source = sourceOfMil(f, room);
    room = Math.max(0, room - source.nodes.length);
    const left = source.left === 0 ? "" : `, ${count(source.left, "further statement")} not drawn`;
    const drawing = drawingOf(source);
    return { title, note: `${count(drawing.total, "op")}${left}`, drawing };
  });
  const more = functions.length - panes.length;
  return { panes, left: more === 0 ? "" : ` ${count(more, "further function")} not drawn.` };
}
