/** What the checks that train are made of; tests replace a part to show that a check notices. */
import { readCheckpoint } from "../checkpoint.ts";
import { resumeTrainer } from "../resume.ts";
import { createTrainer } from "../trainer.ts";
import { openMezoProbe } from "./mezo_probe.ts";

export interface Tools {
  readonly createTrainer: typeof createTrainer;
  readonly readCheckpoint: typeof readCheckpoint;
  readonly resumeTrainer: typeof resumeTrainer;
  readonly openMezoProbe: typeof openMezoProbe;
}

export const tools: Tools = { createTrainer, readCheckpoint, resumeTrainer, openMezoProbe };
