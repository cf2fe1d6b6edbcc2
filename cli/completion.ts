/**
 * Completion in shells: what every command takes, as a script for bash, zsh or fish.
 *
 * The scripts hold the commands and flags themselves, so that pressing Tab starts no process.
 */
import { Command } from "commander";
import { modelNames } from "../dsl/index.ts";
import type { CommandEntry } from "./command.ts";
import type { WordReader } from "./flags.ts";

interface Flag {
  /** `--out`, and `-D` where there is a letter. */
  readonly names: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
  /** Values that are known; files where there are none. */
  readonly words: readonly string[];
}

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
}

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The script for a shell. */
export async function completionScript(
  shell: Shell,
  entries: readonly CommandEntry[],
): Promise<string> {
  const list = await Promise.all(entries.map(completed));
  switch (shell) {
    case "bash":
      return bashScript(list);
    case "zsh":
      return zshScript(list);
    case "fish":
      return fishScript(list);
    default:
      return shell satisfies never;
  }
}

async function completed({ name, summary, load }: CommandEntry): Promise<Completed> {
  const { command } = await load();
  const parser = new Command(name);
  command.define(parser);
  const flags = parser.options.map((option): Flag => {
    const names = [option.long, option.short].filter((n) => n !== undefined);
    const reader = option.parseArg as Partial<WordReader<unknown>> | undefined;
    const models = option.long === "--model" ? modelNames() : [];
    return {
      ...{ names, about: option.description, words: reader?.words ?? models },
      takesValue: option.required || option.optional,
    };
  });
  const help = { names: ["--help"], about: "what it does", takesValue: false, words: [] };
  return { name, summary, flags: [...flags, help] };
}

/** The first words, each with the second ones that may follow it. */
function wordTree(list: readonly Completed[]): Map<string, Completed[]> {
  const tree = new Map<string, Completed[]>();
  for (const command of list) {
    const [first, second] = command.name.split(" ");
    const found = tree.get(first!) ?? [];
    tree.set(first!, second === undefined ? found : [...found, command]);
  }
  return tree;
}

const second = ({ name }: Completed): string => name.split(" ")[1]!;
const namesOf = (flags: readonly Flag[]): string => flags.flatMap((f) => f.names).join(" ");
/** A word of a shell that stands for itself. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bashScript(list: readonly Completed[]): string {
  const tree = wordTree(list);
  const groups = [...tree].filter(([, subs]) => subs.length > 0);
  const valued = list.flatMap(({ name, flags }) =>
    flags
      .filter((f) => f.takesValue)
      .map(({ names, words }) => {
        const cases = names.map((n) => quoted(`${name} ${n}`)).join("|");
        return words.length === 0
          ? `    ${cases}) return ;;`
          : `    ${cases}) words=${quoted(words.join(" "))}; values=1 ;;`;
      }),
  );
  return `# Completion of anec for bash. Load it with
#
#     source <(anec completion bash)

_anec() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]} words= values=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...tree.keys(), "help"].join(" "))} -- "$cur"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ]; then
    case $command in
${groups.map(([first, subs]) => `      ${first}) words=${quoted(subs.map(second).join(" "))} ;;`).join("\n")}
      help) words=${quoted([...tree.keys()].join(" "))} ;;
    esac
    if [ -n "$words" ]; then
      COMPREPLY=($(compgen -W "$words" -- "$cur"))
      return
    fi
  fi
  case $command in
    ${groups.map(([first]) => first).join("|")}) command="$command \${COMP_WORDS[2]}" ;;
  esac
  case "$command $prev" in
${valued.join("\n")}
  esac
  if [ -z "$values" ]; then
    # Anything that is no flag is a file, which bash completes by itself.
    case $cur in -*) ;; *) return ;; esac
    case $command in
${list.map(({ name, flags }) => `      ${quoted(name)}) words=${quoted(namesOf(flags))} ;;`).join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -o default -F _anec anec
`;
}

function zshScript(list: readonly Completed[]): string {
  const tree = wordTree(list);
  const groups = [...tree].filter(([, subs]) => subs.length > 0);
  const described = (pairs: readonly (readonly [string, string])[], indent: string): string =>
    pairs.map(([name, about]) => `${indent}${quoted(`${name}:${about}`)}`).join("\n");
  const firsts = [...tree].map(([first, subs]): [string, string] => [
    first,
    subs.length > 0
      ? subs.map(second).join(", ")
      : (list.find(({ name }) => name === first)?.summary ?? ""),
  ]);
  const plain = (text: string): string => text.replace(/[[\]\\:]/g, "\\$&");
  const specs = (flags: readonly Flag[]): string =>
    flags
      .flatMap(({ names, about, takesValue, words }) =>
        names.map((name) => {
          const action = words.length === 0 ? "_files" : `(${words.join(" ")})`;
          return `        ${quoted(`*${name}[${plain(about)}]${takesValue ? `:value:${action}` : ""}`)} \\\n`;
        }),
      )
      .join("");
  return `#compdef anec
# Completion of anec for zsh. Load it with
#
#     source <(anec completion zsh)

_anec() {
  local -a found
  local command=$words[2]
  if (( CURRENT == 2 )); then
    found=(
${described(firsts, "      ")}
    )
    _describe command found
    return
  fi
  case $command in
${groups
  .map(
    ([first, subs]) => `    ${first})
      if (( CURRENT == 3 )); then
        found=(
${described(
  subs.map((s) => [second(s), s.summary]),
  "          ",
)}
        )
        _describe command found
        return
      fi
      command="$command $words[3]"
      shift words
      (( CURRENT-- ))
      ;;`,
  )
  .join("\n")}
  esac
  shift words
  (( CURRENT-- ))
  case $command in
${list
  .map(
    ({ name, flags }) => `    ${quoted(name)})
      _arguments \\
${specs(flags)}        '*:file:_files'
      ;;`,
  )
  .join("\n")}
  esac
}

compdef _anec anec
`;
}

function fishScript(list: readonly Completed[]): string {
  const tree = wordTree(list);
  const groups = [...tree].filter(([, subs]) => subs.length > 0);
  const firsts = [...tree].map(([first, subs]) => {
    const about =
      subs.length > 0
        ? subs.map(second).join(", ")
        : (list.find(({ name }) => name === first)?.summary ?? "");
    return `complete -c anec -n '__anec_count 0' -f -a ${first} -d ${fishQuoted(about)}`;
  });
  const seconds = groups.flatMap(([first, subs]) =>
    subs.map((sub) => {
      const condition = `__anec_is ${first}; and __anec_count 1`;
      return `complete -c anec -n ${fishQuoted(condition)} -f -a ${fishQuoted(second(sub))} -d ${fishQuoted(sub.summary)}`;
    }),
  );
  const flags = list.flatMap((command) =>
    command.flags.map(({ names, about, takesValue, words }) => {
      const forms = names.map((n) =>
        n.startsWith("--") ? `-l ${n.slice(2)}` : `-s ${n.slice(1)}`,
      );
      const value = !takesValue
        ? ""
        : words.length === 0
          ? " -r"
          : ` -x -a ${fishQuoted(words.join(" "))}`;
      return `complete -c anec -n ${fishQuoted(`__anec_is ${command.name}`)} ${forms.join(" ")}${value} -d ${fishQuoted(about)}`;
    }),
  );
  return `# Completion of anec for fish. Load it with
#
#     anec completion fish | source

# Whether the command line has so many words after anec.
function __anec_count
    test (math (count (commandline -opc)) - 1) -eq $argv[1]
end

# Whether these words follow anec.
function __anec_is
    set -l words (commandline -opc)
    set -l last (math 1 + (count $argv))
    test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"
end

${[...firsts, ...seconds, ...flags].join("\n")}
`;
}

/** A word of fish that stands for itself. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
