/** What a page knows of a run. Plain data: it travels as JSON, and this file imports nothing. */

/** A number for each point; null where the log says none. */
export type Values = readonly (number | null)[];

/** Points of training, one for each update or, of a long run, for several in a row. All lists are of one length. */
export interface TrainPoints {
  /** Micro-steps that were done. */
  readonly step: readonly number[];
  /** Seconds of training, without the time between a stop and its resumption. */
  readonly seconds: readonly number[];
  /** Nats per token. */
  readonly loss: Values;
  readonly lr: Values;
  /** Of several updates, the largest. */
  readonly gradNorm: Values;
  readonly tokensPerSecond: Values;
  /** Milliseconds of a micro-step, in all and by who was at work. */
  readonly msStep: Values;
  readonly msEngine: Values;
  readonly msStaging: Values;
  readonly msHost: Values;
  readonly msOptimizer: Values;
  readonly lossScale: Values;
}

export interface ValidationPoints {
  readonly step: readonly number[];
  readonly seconds: readonly number[];
  readonly loss: Values;
}

/** Something to know about a run that is no number. */
export interface RunEvent {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly kind: "resumed" | "fault" | "trouble" | "end";
  readonly text: string;
}

export interface RunView {
  /** Unlike that of any other run on the page. */
  readonly name: string;
  /** What was trained, on what, and how: label and text. */
  readonly about: readonly (readonly [label: string, text: string])[];
  readonly train: TrainPoints;
  readonly validation: ValidationPoints;
  /** Nats per token times this are bits per byte of text; null if the log does not say. */
  readonly bitsPerNat: number | null;
  readonly tokensPerStep: number;
  readonly events: readonly RunEvent[];
  /** Where it stands. */
  readonly now: {
    readonly step: number;
    /** Micro-steps in all; null for no end. */
    readonly steps: number | null;
    readonly tokensPerSecond: number | null;
    readonly secondsLeft: number | null;
    /** Of the last line, seconds since 1970. */
    readonly time: number;
    /** Why it ended; null if the log does not say that it did. */
    readonly end: string | null;
  };
}
