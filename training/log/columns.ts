/** The numbers of a record by name: columns of CSV files and tags of TensorBoard are made of them. */
import type { LogRecord } from "./record.ts";

export interface Column {
  /** Of the CSV file. */
  readonly name: string;
  /** Of TensorBoard: the part before the slash groups charts. */
  readonly tag: string;
  readonly value: (record: LogRecord) => number | undefined;
}

const ofStep =
  (value: (record: LogRecord & { event: "step" }) => number | null | undefined) =>
  (record: LogRecord): number | undefined =>
    record.event === "step" ? (value(record) ?? undefined) : undefined;
const ofValidation =
  (value: (record: LogRecord & { event: "validation" }) => number | undefined) =>
  (record: LogRecord): number | undefined =>
    record.event === "validation" ? value(record) : undefined;

/** In the order of the file. */
export const columns: readonly Column[] = [
  { name: "loss", tag: "loss/window", value: ofStep((r) => r.loss) },
  { name: "bits_per_byte", tag: "bits_per_byte/window", value: ofStep((r) => r.bitsPerByte) },
  { name: "update", tag: "run/update", value: ofStep((r) => r.update?.update) },
  { name: "update_loss", tag: "loss/train", value: ofStep((r) => r.update?.loss) },
  { name: "validation_loss", tag: "loss/validation", value: ofValidation((r) => r.loss) },
  {
    name: "validation_bits_per_byte",
    tag: "bits_per_byte/validation",
    value: ofValidation((r) => r.bitsPerByte),
  },
  { name: "learning_rate", tag: "run/learning_rate", value: ofStep((r) => r.lr) },
  { name: "gradient_norm", tag: "run/gradient_norm", value: ofStep((r) => r.update?.gradNorm) },
  {
    name: "tokens_per_second",
    tag: "speed/tokens_per_second",
    value: ofStep((r) => r.tokensPerSecond),
  },
  { name: "step_ms", tag: "speed/step_ms", value: ofStep((r) => r.ms?.step) },
  { name: "engine_ms", tag: "speed/engine_ms", value: ofStep((r) => r.ms?.engine) },
  { name: "staging_ms", tag: "speed/staging_ms", value: ofStep((r) => r.ms?.staging) },
  { name: "host_ms", tag: "speed/host_ms", value: ofStep((r) => r.ms?.host) },
  { name: "optimizer_ms", tag: "speed/optimizer_ms", value: ofStep((r) => r.ms?.optimizer) },
  { name: "loss_scale", tag: "engine/loss_scale", value: ofStep((r) => r.lossScale) },
  { name: "faults", tag: "engine/faults", value: ofStep((r) => r.faults) },
];
