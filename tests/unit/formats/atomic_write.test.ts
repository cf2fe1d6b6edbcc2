import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  diskFileSystem,
  FileFault,
  type FileSystem,
} from "../../../compiler/support/atomic_write.ts";
import { UserError } from "../../../compiler/support/diagnostic.ts";
import { readFileBytes, writeFileBytes } from "../../../formats/files.ts";
import { writeFolderAtomic } from "../../../formats/write_folder.ts";
import { leftTemporary } from "../../support/left_temporary.ts";

function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "anec-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError)
      return `${error.diagnostics[0]!.code} ${error.diagnostics[0]!.title}`;
    throw error;
  }
  return "no error";
}

/** The disk of the machine, on which `call` fails with a code of the system. */
function failing(call: keyof FileSystem, code: string): FileSystem {
  const fail = () => {
    throw Object.assign(new Error(`${code}: made up, ${call} '/x'`), { code, syscall: call });
  };
  return { ...diskFileSystem, [call]: fail };
}

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

test("the chunks are the new contents, and nothing else is in the folder", () => {
  const folder = testFolder();
  const path = join(folder, "a");
  writeFileBytes(path, [text("one"), text(""), text("two")]);
  expect(fs.readFileSync(path, "utf8")).toBe("onetwo");
  writeFileBytes(path, text("three"));
  expect(fs.readFileSync(path, "utf8")).toBe("three");
  expect(fs.readdirSync(folder)).toEqual(["a"]);
});

test("a disk that takes a few bytes at a time gets them all", () => {
  const path = join(testFolder(), "a");
  const slow: FileSystem = {
    ...diskFileSystem,
    write: (file, bytes) => diskFileSystem.write(file, bytes.subarray(0, 2)),
  };
  writeFileBytes(path, text("abcdefg"), slow);
  expect(fs.readFileSync(path, "utf8")).toBe("abcdefg");
});

test.each([
  ["write", "ENOSPC", "E0701 the disk is full: cannot write `PATH`"],
  ["write", "EDQUOT", "E0701 the disk is full: cannot write `PATH`"],
  ["flush", "ENOSPC", "E0701 the disk is full: cannot write `PATH`"],
  ["close", "ENOSPC", "E0701 the disk is full: cannot write `PATH`"],
  ["open", "EACCES", "E0702 you are not allowed to write `PATH`"],
  ["rename", "EPERM", "E0702 you are not allowed to write `PATH`"],
  ["open", "EROFS", "E0703 cannot write `PATH`: its disk is read-only"],
  ["open", "ENOENT", "E0705 cannot write `PATH`: its folder does not exist"],
  ["write", "EIO", "E0707 cannot write `PATH`"],
] as const)("when %s fails with %s, the old file is untouched", (call, code, expected) => {
  const folder = testFolder();
  const path = join(folder, "a");
  fs.writeFileSync(path, "old");
  expect(
    errorOf(() => writeFileBytes(path, text("new"), failing(call, code))).replace(path, "PATH"),
  ).toBe(expected);
  expect(fs.readFileSync(path, "utf8")).toBe("old");
  expect(fs.readdirSync(folder)).toEqual(["a"]);
});

const writers: readonly (readonly [string, (path: string) => void])[] = [
  ["file", (path) => writeFileBytes(path, text("whole"))],
  [
    "folder",
    (path) => writeFolderAtomic(path, [{ name: "in", chunks: [text("x")] }], { replace: true }),
  ],
];

test.each(writers)("what killed writers left of a %s is removed, and nothing else", (_, write) => {
  const folder = testFolder();
  const leave = (name: string, writer: number): string => {
    const left = leftTemporary(folder, name, writer);
    fs.writeFileSync(join(folder, left), "half of it");
    return left;
  };
  const gone = spawnSync(process.execPath, ["--version"]).pid;
  leave("a", gone);
  fs.utimesSync(join(folder, leave("a", process.pid)), 0, 0);
  const kept = [leave("a", process.pid), leave("b", gone), ".anec-0123456789abcdef.tmp"];
  fs.writeFileSync(join(folder, kept[2]!), "");
  write(join(folder, "a"));
  expect(fs.readdirSync(folder).sort()).toEqual(["a", ...kept].sort());
});

test("a disk that fills up in the middle leaves no temporary file", () => {
  const folder = testFolder();
  let room = 5;
  const full: FileSystem = {
    ...diskFileSystem,
    write(file, bytes) {
      if (room === 0) return failing("write", "ENOSPC").write(file, bytes);
      const n = Math.min(room, bytes.length);
      room -= n;
      return diskFileSystem.write(file, bytes.subarray(0, n));
    },
  };
  expect(errorOf(() => writeFileBytes(join(folder, "a"), text("too long"), full))).toContain(
    "E0701",
  );
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("what making the chunks throws is passed on", () => {
  const folder = testFolder();
  function* chunks() {
    yield text("one");
    throw new RangeError("stop");
  }
  expect(() => writeFileBytes(join(folder, "a"), chunks())).toThrow(new RangeError("stop"));
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("a folder that cannot be flushed is no failure", () => {
  const path = join(testFolder(), "a");
  let flushes = 0;
  const disk: FileSystem = {
    ...diskFileSystem,
    flush(file) {
      flushes += 1;
      if (flushes === 2) failing("flush", "EINVAL").flush(file);
      diskFileSystem.flush(file);
    },
  };
  writeFileBytes(path, text("x"), disk);
  expect(flushes).toBe(2);
  expect(fs.readFileSync(path, "utf8")).toBe("x");
});

test("links are followed and permissions kept", () => {
  const folder = testFolder();
  fs.writeFileSync(join(folder, "real"), "old", { mode: 0o600 });
  fs.symlinkSync("real", join(folder, "link"));
  writeFileBytes(join(folder, "link"), text("new"));
  expect(fs.readFileSync(join(folder, "real"), "utf8")).toBe("new");
  expect(fs.lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  expect(fs.statSync(join(folder, "real")).mode & 0o777).toBe(0o600);
});

test("a device stays a device", () => {
  writeFileBytes("/dev/null", text("gone"));
  expect(fs.statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("a folder is not overwritten", () => {
  const folder = testFolder();
  expect(errorOf(() => writeFileBytes(folder, text("x")))).toBe(
    `E0704 cannot write \`${folder}\`: it is a folder`,
  );
});

test("the system's words are kept without the path", () => {
  const fault = new FileFault("other", "/x", "read", "EIO: i/o error");
  expect(fault.message).toBe("/x: EIO: i/o error");
  try {
    writeFileBytes(join(testFolder(), "no", "a"), text("x"));
  } catch (error) {
    expect((error as UserError).diagnostics[0]!.code).toBe("E0705");
  }
});

test("reading a file that is not there, or a folder", () => {
  const folder = testFolder();
  fs.writeFileSync(join(folder, "model.bin"), "x");
  expect(errorOf(() => readFileBytes(folder))).toBe(
    `E0704 cannot read \`${folder}\`: it is a folder`,
  );
  const path = join(folder, "modle.bin");
  expect(errorOf(() => readFileBytes(path))).toBe(`E0706 there is no file \`${path}\``);
});
