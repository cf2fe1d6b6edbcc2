/** What a schedule is: how the learning rate falls after the warm-up. */

export interface Fall {
  /** The rate right after the warm-up. */
  readonly peak: number;
  /** The rate at the end. */
  readonly low: number;
  /** For schedules that fall at the end only: the part of the time after the warm-up in which they do. */
  readonly cooldown: number;
}

export interface Schedule {
  /** As on the command line. */
  readonly name: string;
  readonly doc: string;
  /** The rate after the part `d` of the time after the warm-up, from 0 to 1. */
  readonly rate: (d: number, fall: Fall) => number;
}
