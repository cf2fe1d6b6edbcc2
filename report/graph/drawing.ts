/**
 * Graphs as they are drawn: nodes, the boxes around some of them, and what a reader is told of each.
 *
 * A `GraphSource` says what there is; `drawingOf` (arrange.ts) gives everything a place. The drawing travels
 * to the page as JSON, so it has no optional fields that hold nothing.
 */

/** What the colour of a node says. */
export type Kind =
  | "product"
  | "norm"
  | "elementwise"
  | "movement"
  | "lookup"
  | "loss"
  | "input"
  | "port"
  | "other";

/** A piece of the user's text. */
export interface SourceLine {
  readonly path: string;
  readonly line: number;
  readonly text: string;
  /** From 0, in `text`. */
  readonly column: number;
  readonly width: number;
}

/** What is told of a node. */
export interface NodeText {
  /** The op. */
  readonly label: string;
  /** Below it: the shape. */
  readonly detail: string;
  readonly kind: Kind;
  readonly rows: readonly (readonly [label: string, value: string])[];
  readonly source?: SourceLine;
  readonly mil?: string;
  /** Equal for nodes of two drawings that come from the same place of the source. */
  readonly key?: string;
}

export interface SourceNode extends NodeText {
  /** Nodes it reads that are drawn. */
  readonly inputs: readonly number[];
  /** The copy it belongs to, of what is there several times: `layer_fwd` of `block.3`. */
  readonly instance?: { readonly family: string; readonly index: string };
}

/** In an order in which operands come before users. */
export interface GraphSource {
  readonly nodes: readonly SourceNode[];
  /** What is written on a family's box, and whether the engine runs it. */
  readonly families: ReadonlyMap<string, Family>;
}

export interface Family {
  readonly title: string;
  readonly where: "engine" | "host" | "none";
  /** The text of the whole program. */
  readonly mil?: string;
}

export interface DrawnNode extends NodeText {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Drawn nodes it reads, and those that read it. */
  readonly reads: readonly number[];
}

export interface DrawnBox {
  readonly title: string;
  readonly note: string;
  readonly where: Family["where"];
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly mil?: string;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  readonly boxes: readonly DrawnBox[];
  /** Path data of SVG, and the nodes at both ends. */
  readonly edges: readonly { readonly d: string; readonly from: number; readonly to: number }[];
  /** Nodes that stand for several copies are counted once; this is what there is in all. */
  readonly total: number;
}

/** A drawing with its title, as it travels to the page. */
export interface Pane {
  readonly title: string;
  readonly note: string;
  readonly drawing: Drawing;
}
