/**
 * Commits kept configurations to a branch without touching what anybody works on.
 *
 * Only git's plumbing is used: a tree is made in an index of its own, a commit from the tree, and the branch moves
 * from the commit that the search knows to the new one, or not at all. Neither the files nor the index of the user are
 * read or written, whatever is open there.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { branchLost, searchBranch } from "../../compiler/messages/search.ts";
import { type Diagnostic, UserError } from "../../compiler/support/diagnostic.ts";
import { files } from "./ledger.ts";
import type { Best, ExperimentRecord, SearchSettings } from "./record.ts";
import { lossOf } from "./record.ts";

export interface BranchOptions {
  /** A folder in the repository. */
  readonly folder: string;
  readonly branch: string;
  readonly settings: SearchSettings;
  /** Of the search so far: the branch ends at the last commit among them, or is new. */
  readonly records: readonly ExperimentRecord[];
  readonly warn: (diagnostic: Diagnostic) => void;
}

export interface SearchBranch {
  /** Makes a commit that no branch leads to yet; null once the branch was lost. */
  commit(record: ExperimentRecord, best: Best | undefined): string | null;
  /** Moves the branch to the commit of a record that is on the disk. */
  advance(record: ExperimentRecord): void;
}

interface Done {
  readonly ok: boolean;
  readonly out: string;
  readonly words: string;
}

type Git = (args: readonly string[], input?: string, env?: Record<string, string>) => Done;

function gitIn(folder: string): Git {
  return (args, input = "", env = {}) => {
    const { status, stdout, stderr, error } = spawnSync("git", args, {
      cwd: folder,
      encoding: "utf8",
      input,
      timeout: 60_000,
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0", ...env },
    });
    const words = (error?.message ?? stderr ?? "").trim();
    return { ok: status === 0, out: (stdout ?? "").trim(), words };
  };
}

/** The folder of the configurations in the tree of the branch. */
const TREE_FOLDER = "anec-search";

/** What git takes for a branch that is not there. */
const NONE = "";

/** Looks at the repository and the branch. Throws a `UserError` (E0992) if commits cannot be made safely. */
export function openBranch(options: BranchOptions): SearchBranch {
  const { folder, branch, settings, records } = options;
  const git = gitIn(folder);
  const refuse = (why: string): never => {
    throw new UserError(searchBranch(branch, why.replace(/\.$/, "")));
  };
  const need = (done: Done, why: string): string =>
    done.ok ? done.out : refuse(done.words === "" ? why : `${why}: ${done.words.split("\n")[0]}`);

  need(git(["rev-parse", "--git-dir"]), "this folder is in no git repository");
  need(git(["check-ref-format", "--branch", branch]), "git does not take this name");
  need(git(["var", "GIT_COMMITTER_IDENT"]), "git does not know who you are");
  const head = need(
    git(["rev-parse", "--verify", "HEAD^{commit}"]),
    "the repository has no commit",
  );
  const ref = `refs/heads/${branch}`;
  const trees = git(["worktree", "list", "--porcelain"]).out.split("\n");
  if (trees.includes(`branch ${ref}`)) refuse("it is checked out");

  const tipOf = (): string => {
    const found = git(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
    return found.ok ? found.out : NONE;
  };
  let tip = tipOf();
  const commits = records.flatMap((r) => (r.commit === null ? [] : [r.commit]));
  const last = commits.at(-1);
  if (last === undefined && tip !== NONE) refuse("it is there already, and not from this search");
  if (last !== undefined && tip !== last) {
    // A process that was killed after it wrote the record had not moved the branch yet.
    const parent = git(["rev-parse", "--verify", "--quiet", `${last}^`]).out;
    const isBehind = tip === (commits.at(-2) ?? NONE) && (tip === NONE || tip === parent);
    if (!isBehind) refuse("it does not end where the search left it");
    need(git(["update-ref", "-m", "anec search", ref, last, tip]), "git refuses to move it");
    tip = last;
  }

  let isLost = false;
  const lose = (words: string): null => {
    isLost = true;
    options.warn(branchLost(branch, words));
    return null;
  };
  return {
    commit(record, best) {
      if (isLost) return null;
      if (tipOf() !== tip) return lose("");
      const made = commitOf(git, record, best, settings, tip === NONE ? head : tip);
      return made.ok ? made.out : lose(made.words);
    },
    advance(record) {
      if (isLost || record.commit === null) return;
      const moved = git(["update-ref", "-m", "anec search", ref, record.commit, tip]);
      if (moved.ok) tip = record.commit;
      else lose(moved.words);
    },
  };
}

/** A commit on `parent` with the configuration and the model it is for. */
function commitOf(
  git: Git,
  record: ExperimentRecord,
  best: Best | undefined,
  settings: SearchSettings,
  parent: string,
): Done {
  const { model, protocol, space, data, budget } = settings;
  const { experiment, config, change, digest, reason } = record;
  const loss = lossOf(record);
  const kept = {
    ...{ experiment, digest, config, loss, protocol, budget, data: data.name },
    model: { path: model.path, entry: model.entry, overrides: model.overrides },
    against: best?.experiment ?? null,
    space,
  };
  const contents: readonly (readonly [name: string, text: string])[] = [
    ["best.json", `${JSON.stringify(kept, null, 2)}\n`],
    ["model.ane", model.text],
  ];
  const scratch = mkdtempSync(join(tmpdir(), "anec-index-"));
  try {
    const env = { GIT_INDEX_FILE: join(scratch, "index") };
    const read = git(["read-tree", `${parent}^{tree}`], "", env);
    if (!read.ok) return read;
    for (const [name, text] of contents) {
      const blob = git(["hash-object", "-w", "--stdin"], text);
      if (!blob.ok) return blob;
      const entry = `100644,${blob.out},${TREE_FOLDER}/${name}`;
      const added = git(["update-index", "--add", "--cacheinfo", entry], "", env);
      if (!added.ok) return added;
    }
    const tree = git(["write-tree"], "", env);
    if (!tree.ok) return tree;
    const title = `search: ${change} (${loss?.toFixed(4) ?? "no loss"})`;
    const body = `${reason}\n\nExperiment ${experiment}, see ${files.records}.`;
    return git(["commit-tree", tree.out, "-p", parent], `${title}\n\n${body}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
