/** `docs/exit_codes.md`: what each exit code says, and the messages behind it. */
import { areas } from "../compiler/messages/index.ts";
import { EXIT } from "./command.ts";
import { exitCodeOf } from "./failures.ts";

/** What a script may conclude from an exit code. */
export const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "All of it was done. Warnings may have been printed.",
  input:
    "The input is at fault: a model, a text, a checkpoint, a file that is not there, a check that found something. " +
    "The message says where.",
  usage:
    "The command line is at fault: a command, flag or value that does not exist. Nothing was done.",
  environment:
    "The machine is at fault: the device, the runtime, the network, a disk that is full or cannot be written. " +
    "`anec doctor` says what there is.",
  bug:
    "A bug of ours. The message names a reproduction file, `anec-bug-….json`, with the command line, the versions, " +
    "the stack, and the input files that are small.",
  interrupted: "Ctrl-C ended it. Training has saved its checkpoint.",
};

/** The page as Markdown, without the note on who makes it. */
export function exitCodesPage(): string {
  const codes = areas.flatMap((a) => a.messages.map((m) => m.code)).sort();
  const rows = (Object.keys(EXIT) as (keyof typeof EXIT)[]).map(
    (name) => `| ${EXIT[name]} | ${MEANINGS[name]} |`,
  );
  return `# Exit codes

Every command ends with one of these.

| code | what it says |
| --- | --- |
${rows.join("\n")}

With \`--json\` a failure is one line of JSON on standard error: \`{"diagnostics": [...]}\`, or \`{"bug": {...}}\`
for 70. The first error decides the code.

## Messages that end with ${EXIT.usage}

${listed(codes, EXIT.usage)}

## Messages that end with ${EXIT.environment}

${listed(codes, EXIT.environment)}

All other errors end with ${EXIT.input}; warnings alone do not change the code.
`;
}

function listed(codes: readonly string[], exit: number): string {
  return codes
    .filter(
      (code) => exitCodeOf([{ code, severity: "error", title: "", labels: [], help: [] }]) === exit,
    )
    .map((code) => `[${code}](errors/${code}.md)`)
    .join(",\n");
}
