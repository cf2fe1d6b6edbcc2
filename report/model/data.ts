/**
 * What the parts of a report travel as: plain JSON, known to the compiler's side that makes it and to the
 * browser's that draws it. Chips are the names of compiler/target/chip_names.ts.
 */

// Programs and surfaces.

/** A value on a surface. */
export interface PlacedValue {
  readonly name: string;
  readonly layout: "channels" | "rows";
  readonly sizes: readonly number[];
  /** [row, column, rows, columns] of each block. */
  readonly blocks: readonly (readonly [number, number, number, number])[];
}

export interface DrawnPort {
  readonly name: string;
  readonly role: "input" | "output";
  /** Channels, and columns of the last axis. */
  readonly rows: number;
  readonly columns: number;
  readonly dtype: string;
  readonly bytes: number;
  /** From one row to the next, and how much of it is used. fact: row_stride */
  readonly rowBytes: number;
  readonly packedRowBytes: number;
  readonly values: readonly PlacedValue[];
}

export interface DrawnProgram {
  readonly name: string;
  readonly file: string;
  readonly calls: number;
  /** The part of the model that each call is for. */
  readonly labels: readonly string[];
  readonly ops: number;
  /** Of the products of one call. */
  readonly flops: number;
  readonly ports: readonly DrawnPort[];
}

// The timeline.

export interface TimelineStep {
  readonly lane: "host" | "copies" | "engine";
  readonly label: string;
  /** Of a dispatch. */
  readonly program?: string;
}

export interface ChipTimes {
  readonly chip: string;
  /** The chip whose constants are taken, where nothing is published of this one. */
  readonly borrowed?: string;
  /** Milliseconds of each step, to four digits. */
  readonly ms: readonly number[];
  /** Milliseconds of one run of each program, by cause (`ProgramCost`). */
  readonly programs: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Timeline {
  readonly steps: readonly TimelineStep[];
  readonly chips: readonly ChipTimes[];
}

// Facts.

/** A fact that at least one program goes against on at least one chip. */
export interface FactVerdict {
  readonly id: string;
  readonly statement: string;
  readonly known: string;
  /** Whether sources disagree about it. */
  readonly isContested: boolean;
  readonly workaround: string;
  readonly kind: string;
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly evidence: readonly (readonly [source: string, note: string])[];
  /** The first places, by chip. Chips that are not here meet the fact. */
  readonly places: Readonly<Record<string, readonly string[]>>;
  readonly counts: Readonly<Record<string, number>>;
}

export interface FactsData {
  readonly chips: readonly string[];
  /** Facts that were looked for in the programs, by chip. */
  readonly checked: Readonly<Record<string, number>>;
  readonly verdicts: readonly FactVerdict[];
  /** Facts that every program meets on every chip they are about. */
  readonly met: readonly (readonly [id: string, statement: string])[];
}

// Weights of MIL programs.

/** What the values of a weight are, as far as they were looked at. */
export interface ValueStats {
  readonly looked: number;
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  /** Share of zeros, and how many are no numbers or infinite. */
  readonly zeros: number;
  readonly notFinite: number;
  /** Counts in equal steps from `least` to `most`. */
  readonly histogram: readonly number[];
}

export interface WeightRow {
  readonly name: string;
  readonly op: string;
  readonly type: string;
  readonly bytes: number;
  readonly place: string;
  readonly stats?: ValueStats;
  /** Why there are no values to show. */
  readonly problem?: string;
}

// Apple's own placement.

export interface PlacementRow {
  readonly op: string;
  readonly count: number;
  /** By device as the file calls it: how many of these ops it supports. */
  readonly supported: Readonly<Record<string, number>>;
  /** Milliseconds in all, by device. */
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly messages: readonly (readonly [device: string, message: string])[];
}
