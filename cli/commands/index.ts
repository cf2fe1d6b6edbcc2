/** The commands, in the order of `anec --help`. Each file is loaded when its command is called. */
import type { CommandEntry } from "../command.ts";

export const commands: readonly CommandEntry[] = [
  {
    name: "train",
    summary: "train a model on text",
    progress: "out",
    load: () => import("./train.ts"),
  },
  {
    name: "generate",
    summary: "write text with a trained model",
    load: () => import("./generate.ts"),
  },
  {
    name: "convert",
    summary: "turn a model from one format into another",
    progress: "err",
    load: () => import("./convert.ts"),
  },
  {
    name: "adapters",
    summary: "write the adapters of a checkpoint into a file of their own",
    load: () => import("./adapters.ts"),
  },
  {
    name: "eval",
    summary: "measure the loss of a model on text",
    progress: "err",
    load: () => import("./eval.ts"),
  },
  {
    name: "search",
    summary: "look for a better configuration, and keep what is better beyond noise",
    progress: "out",
    load: () => import("./search.ts"),
  },
  {
    name: "dashboard",
    summary: "show runs in a browser as they go on",
    load: () => import("./dashboard.ts"),
  },
  {
    name: "compile",
    summary: "compile an entry of a file to a bundle, and print its stages",
    progress: "err",
    load: () => import("./compile.ts"),
  },
  {
    name: "report",
    summary: "make a page that shows a model, a bundle, a MIL program or a run",
    progress: "err",
    load: () => import("./report.ts"),
  },
  {
    name: "cost",
    summary: "predict the milliseconds of a model or program on each chip",
    progress: "err",
    load: () => import("./cost.ts"),
  },
  {
    name: "mil check",
    summary: "look for mistakes in MIL files, and for what a chip would refuse",
    load: () => import("./mil_check.ts"),
  },
  {
    name: "mil fmt",
    summary: "lay out MIL programs in the one canonical way",
    load: () => import("./mil_fmt.ts"),
  },
  {
    name: "mil diff",
    summary: "say how two MIL programs differ, op by op",
    load: () => import("./mil_diff.ts"),
  },
  {
    name: "mil run",
    summary: "run a MIL program on given tensors, and show values in between",
    progress: "err",
    load: () => import("./mil_run.ts"),
  },
  {
    name: "mil stats",
    summary: "say what a MIL program is made of: ops, ports, bytes, work",
    load: () => import("./mil_stats.ts"),
  },
  {
    name: "check",
    summary: "look for mistakes in files",
    load: () => import("./check.ts"),
  },
  {
    name: "fmt",
    summary: "lay out files in the one canonical way",
    load: () => import("./fmt.ts"),
  },
  {
    name: "run",
    summary: "run an entry of a file on given tensors",
    load: () => import("./run.ts"),
  },
  {
    name: "lsp",
    summary: "answer an editor: mistakes, shapes, definitions, renaming in .ane and .mil files",
    load: () => import("./lsp.ts"),
  },
  {
    name: "data prepare",
    summary: "turn texts into a token file",
    progress: "err",
    load: () => import("./data_prepare.ts"),
  },
  {
    name: "data fetch",
    summary: "fetch the default text into the cache",
    progress: "err",
    load: () => import("./data_fetch.ts"),
  },
  {
    name: "data info",
    summary: "say what a token file holds",
    load: () => import("./data_info.ts"),
  },
  {
    name: "verify",
    summary: "check that a checkpoint is what it should be, and that its model trains",
    progress: "err",
    load: () => import("./verify.ts"),
  },
  {
    name: "bench step",
    summary: "measure an optimizer step against what the processor can do",
    progress: "err",
    load: () => import("./bench_step.ts"),
  },
  {
    name: "power",
    summary: "measure the energy of training, by step and by token",
    progress: "err",
    load: () => import("./power.ts"),
  },
  {
    name: "cache ls",
    summary: "list the compiled programs that are kept for the Neural Engine",
    load: () => import("./cache_ls.ts"),
  },
  {
    name: "cache verify",
    summary: "compare the kept programs with their digests",
    load: () => import("./cache_verify.ts"),
  },
  {
    name: "cache clear",
    summary: "remove the kept programs",
    load: () => import("./cache_clear.ts"),
  },
  {
    name: "bench gemm",
    summary: "measure matrix products, ours and those of a BLAS library",
    progress: "err",
    load: () => import("./bench_gemm.ts"),
  },
  {
    name: "bench generate",
    summary: "measure tokens per second against what the memory allows",
    progress: "err",
    load: () => import("./bench_generate.ts"),
  },
  {
    name: "bench --published",
    summary: "print what other systems have published, with chip and source",
    progress: "err",
    load: () => import("./bench_published.ts"),
  },
  {
    name: "models",
    summary: "list the models that come with anec",
    load: () => import("./models.ts"),
  },
  {
    name: "ops",
    summary: "list the ops of graphs",
    load: () => import("./ops.ts"),
  },
  {
    name: "facts",
    summary: "list what is known about the hardware, and how",
    load: () => import("./facts.ts"),
  },
  {
    name: "probe",
    summary: "ask a Neural Engine what is known of it, and report what it answers",
    progress: "err",
    load: () => import("./probe.ts"),
  },
  {
    name: "passes",
    summary: "list the passes and the order they run in",
    load: () => import("./passes.ts"),
  },
  {
    name: "explain",
    summary: "explain the code of a message",
    load: () => import("./explain.ts"),
  },
  {
    name: "completion",
    summary: "print a script that lets a shell complete commands and flags",
    load: () => import("./completion.ts"),
  },
  {
    name: "doctor",
    summary: "say what this machine offers, and what to install for more",
    load: () => import("./doctor.ts"),
  },
];
