/** Commits of a search leave files, index and other branches as they are, and give way to whoever moves the branch. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Diagnostic } from "../../../compiler/support/diagnostic.ts";
import { openBranch, type SearchBranch } from "../../../training/search/git_branch.ts";
import type { ExperimentRecord } from "../../../training/search/record.ts";
import { userError } from "../../support/user_error.ts";
import { testFolder } from "../data/support.ts";
import { loop, settingsOf, simulated } from "./support.ts";

const settings = settingsOf({ experiments: 12 });

interface Repository {
  readonly folder: string;
  git(...args: string[]): string;
}

/** With a commit, a change that is staged, one that is not, and a file that git does not know. */
function repository(): Repository {
  const folder = testFolder();
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: "pipe" }).trim();
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Somebody");
  git("config", "user.email", "somebody@example.com");
  mkdirSync(join(folder, "sub"));
  for (const name of ["a.txt", "sub/b.txt"]) writeFileSync(join(folder, name), "one\n");
  git("add", ".");
  git("commit", "-qm", "one");
  writeFileSync(join(folder, "a.txt"), "changed\n");
  writeFileSync(join(folder, "sub/b.txt"), "staged\n");
  git("add", "sub/b.txt");
  writeFileSync(join(folder, "new.txt"), "new\n");
  return { folder, git };
}

/** All that belongs to the user: files, index, branches other than `except`. */
function stateOf({ folder, git }: Repository, except: string): string {
  const branches = git("for-each-ref")
    .split("\n")
    .filter((line) => !line.endsWith(`/${except}`));
  const index = readFileSync(join(folder, ".git", "index")).toString("hex");
  const texts = ["a.txt", "sub/b.txt", "new.txt"].map((n) => readFileSync(join(folder, n), "utf8"));
  return JSON.stringify([git("status", "--porcelain=v2", "--branch"), branches, index, texts]);
}

function search(
  branch: SearchBranch,
  records: ExperimentRecord[] = [],
  stop = Infinity,
): Promise<readonly ExperimentRecord[]> {
  const measure = simulated(({ lr }, seed) => 3 - 10 * (lr as number) + seed * 1e-7);
  const signal = new AbortController();
  return loop(settings, measure, {
    records: [...records],
    ...{ commit: branch.commit, signal: signal.signal },
    append: (record) => {
      records.push(record);
      if (records.length > stop) throw new Error("killed before the branch moved");
      branch.advance(record);
    },
  });
}

test("each kept configuration is a commit, and nothing else changes", async () => {
  const repo = repository();
  const { folder, git } = repo;
  const warn = (d: Diagnostic): never => expect.fail(d.title);
  git("status");
  const before = stateOf(repo, "auto");
  const branch = openBranch({ folder, branch: "auto", settings, records: [], warn });
  const records = await search(branch);
  expect(stateOf(repo, "auto")).toBe(before);
  const kept = records.filter((r) => r.status === "keep");
  expect(kept.length).toBeGreaterThan(1);
  const log = git("log", "--format=%H", "--reverse", "main..auto").split("\n");
  expect(log).toEqual(kept.map((r) => r.commit));
  const best = JSON.parse(git("show", "auto:anec-search/best.json"));
  expect(best).toMatchObject({ experiment: kept.at(-1)!.experiment, config: kept.at(-1)!.config });
  // The rest of the tree is that of the commit it began with.
  expect(git("diff", "--name-only", "main", "auto").split("\n")).toEqual([
    ...["anec-search/best.json", "anec-search/model.ane"],
  ]);
  expect(git("log", "-1", "--format=%s", "auto")).toMatch(/^search: lr .* → /);
});

test("killed between the record and the branch, the next process moves the branch and goes on", async () => {
  const repo = repository();
  const { folder, git } = repo;
  const warn = (d: Diagnostic): never => expect.fail(d.title);
  const records: ExperimentRecord[] = [];
  for (let stop = 0; ; stop++) {
    const branch = openBranch({ folder, branch: "auto", settings, records, warn });
    const done = await search(branch, records, stop).catch((error: Error) => {
      expect(error.message).toBe("killed before the branch moved");
      return undefined;
    });
    if (done !== undefined) break;
  }
  const kept = records.filter((r) => r.status === "keep").map((r) => r.commit);
  expect(git("log", "--format=%H", "--reverse", "main..auto").split("\n")).toEqual(kept);
  expect(records).toHaveLength(13);
});

test("somebody else's commit on the branch stays, and the search goes on without", async () => {
  const { folder, git } = repository();
  const warnings: string[] = [];
  const warn = (d: Diagnostic): void => void warnings.push(`${d.code} ${d.severity}`);
  const branch = openBranch({ folder, branch: "auto", settings, records: [], warn });
  const records: ExperimentRecord[] = [];
  let theirs = "";
  const measure = simulated(({ lr }, seed) => 3 - 10 * (lr as number) + seed * 1e-7);
  await loop(settings, measure, {
    commit: branch.commit,
    append: (record) => {
      records.push(record);
      branch.advance(record);
      if (records.length > 1) return;
      theirs = git("commit-tree", "main^{tree}", "-p", "auto", "-m", "theirs");
      git("update-ref", "refs/heads/auto", theirs);
    },
  });
  expect(warnings).toEqual(["E0993 warning"]);
  expect(git("rev-parse", "auto")).toBe(theirs);
  expect(records.slice(1).every((r) => r.commit === null)).toBe(true);
  expect(records.filter((r) => r.status === "keep").length).toBeGreaterThan(1);
  // Nor does a search go on with such a branch.
  const open = () => openBranch({ folder, branch: "auto", settings, records, warn });
  expect(userError(open)).toBe("E0992 cannot commit to the branch `auto`");
});

test("branches that are there, checked out or no names are refused, and folders without git", () => {
  const { folder, git } = repository();
  git("branch", "other");
  const warn = (): void => {};
  const open = (branch: string, where = folder) => {
    try {
      openBranch({ folder: where, branch, settings, records: [], warn });
      return "no error";
    } catch (error) {
      const { diagnostics } = error as { diagnostics: readonly Diagnostic[] };
      return `${diagnostics[0]!.code} ${diagnostics[0]!.why}`;
    }
  };
  expect(open("other")).toBe("E0992 it is there already, and not from this search.");
  expect(open("main")).toBe("E0992 it is checked out.");
  expect(open("no..name")).toContain("E0992 git does not take this name");
  expect(open("auto", testFolder())).toContain("E0992 this folder is in no git repository");
  expect(open("auto")).toBe("no error");
  expect(git("branch", "--list", "auto")).toBe("");
});
