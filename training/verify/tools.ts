/** What the checks that train are made of; tests replace a part to show that a check notices. */
import { readCheckpoint } from "../checkpoint.ts";
import { mezoPlan } from "../mezo/programs.ts";
import { resumeTrainer } from "../resume.ts";
import { createTrainer } from "../trainer.ts";

export interface Tools {
  readonly createTrainer: typeof createTrainer;
  readonly readCheckpoint: typeof readCheckpoint;
  readonly resumeTrainer: typeof resumeTrainer;
  readonly mezoPlan: typeof mezoPlan;
}

export const tools: Tools = { createTrainer, readCheckpoint, resumeTrainer, mezoPlan };
