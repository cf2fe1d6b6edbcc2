/** The facts that no probe shows, and why. */

const A_TIME =
  "it is a time, which depends on what else the machine does; the cost model is fitted to times instead";
const HANDED_OVER =
  "anec's own binding never does it, and what it does instead runs in every probe";
const HARMS = "to show it would disturb the machine for other programs";
const E5RT = "it is said of e5rt, which is another way into the engine";
const RAW = "it is said of the raw compiler, which is not on our way";
const CHANCE = "it happens by chance, and its absence shows nothing";
const TOOLS = "it is about tools that read programs";
const PORTS = "single programs have ports of fp16 and fp32 with at most four dimensions";

/** Fact → reason. */
export const EXEMPT: Readonly<Record<string, string>> = {
  byte_ports: PORTS,
  crop_resize_support: PORTS,
  label_names: TOOLS,
  rounding_scale: E5RT,
  blob_divisor: RAW,
  reduced_row_shape: RAW,
  blob_path: HANDED_OVER,
  blob_offset:
    "an offset without a record may lie behind the end of the file, in a service of the system",
  build_info_line: "the printer writes it on one line",
  surface_size: HANDED_OVER,
  surface_pages: HANDED_OVER,
  surface_alignment: HANDED_OVER,
  queue_depth: HANDED_OVER,
  text_class: HANDED_OVER,
  weight_dictionary: HANDED_OVER,
  program_folder: HANDED_OVER,
  stale_weights: HANDED_OVER,
  foreign_objects: HANDED_OVER,
  chained_requests: HANDED_OVER,
  surface_mapping: HANDED_OVER,
  weight_file_size: "it takes a file of more than 2 GiB",
  transient_compiles: CHANCE,
  compile_service: HARMS,
  compile_disk: HARMS,
  evaluation_timeout: HARMS,
  cross_chip_bits: "it takes two chips: compare the reports of both",
  single_lane: A_TIME,
  one_die: A_TIME,
  fp32_ports: A_TIME,
  working_set: A_TIME,
  elementwise_chains: A_TIME,
  output_tasks: A_TIME,
  transposed_operand: A_TIME,
  scale_before_product: A_TIME,
  wide_reduction: A_TIME,
  strided_conv: A_TIME,
  channel_multiple: A_TIME,
  int8_weights_only: A_TIME,
  width_5120: A_TIME,
  bare_matmul: A_TIME,
  staged_bytes: A_TIME,
  thermal_limit: A_TIME,
  engine_clock: A_TIME,
  weight_traffic: A_TIME,
};
