/**
 * Reads what a 64-bit ELF file says of itself: its processor, the libraries it loads, the symbols it exports,
 * and the oldest glibc that has what it expects.
 */

const MACHINES = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
const SECTION = { dynamic: 6, dynamicSymbols: 11, versionsNeeded: 0x6ffffffe };
const NEEDED = 1n;

/** A string that ends with a zero byte. */
function stringAt(bytes, from) {
  return bytes.toString("utf8", from, bytes.indexOf(0, from));
}

/** { arch, libraries, defined, glibc }; glibc is "2.28", or "" if nothing of it is expected. */
export function readElf(bytes) {
  if (bytes.toString("latin1", 0, 5) !== "\x7fELF\x02")
    throw new Error("this is not a 64-bit ELF file");
  const sections = sectionsOf(bytes);
  const of = (type) => sections.find((section) => section.type === type);
  const [dynamic, symbols, versions] = [
    of(SECTION.dynamic),
    of(SECTION.dynamicSymbols),
    of(SECTION.versionsNeeded),
  ];
  return {
    arch: MACHINES.get(bytes.readUInt16LE(18)) ?? "another processor",
    libraries: dynamic === undefined ? [] : librariesOf(bytes, dynamic, sections),
    defined: symbols === undefined ? [] : definedIn(bytes, symbols, sections),
    glibc: versions === undefined ? "" : newestGlibc(bytes, versions, sections),
  };
}

function sectionsOf(bytes) {
  const first = Number(bytes.readBigUInt64LE(40));
  const [size, count] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60)];
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      from: Number(bytes.readBigUInt64LE(at + 24)),
      bytes: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
    };
  });
}

function librariesOf(bytes, { from, bytes: length, link }, sections) {
  const found = [];
  for (let at = from; at < from + length; at += 16) {
    if (bytes.readBigInt64LE(at) !== NEEDED) continue;
    found.push(stringAt(bytes, sections[link].from + Number(bytes.readBigUInt64LE(at + 8))));
  }
  return found;
}

/** Symbols that other files see: global or weak, with a section of their own. */
function definedIn(bytes, { from, bytes: length, link }, sections) {
  const found = [];
  for (let at = from; at < from + length; at += 24) {
    const isVisible = bytes[at + 4] >> 4 !== 0 && bytes.readUInt16LE(at + 6) !== 0;
    if (isVisible) found.push(stringAt(bytes, sections[link].from + bytes.readUInt32LE(at)));
  }
  return found;
}

/** The newest `GLIBC_x.y` among the versions of symbols that are expected of libraries. */
function newestGlibc(bytes, { from, link }, sections) {
  const found = [];
  const names = sections[link].from;
  for (let file = from, more = true; more; ) {
    for (
      let i = 0, at = file + bytes.readUInt32LE(file + 8);
      i < bytes.readUInt16LE(file + 2);
      ++i
    ) {
      const [, version] =
        /^GLIBC_([0-9.]+)$/.exec(stringAt(bytes, names + bytes.readUInt32LE(at + 8))) ?? [];
      if (version !== undefined) found.push(version);
      at += bytes.readUInt32LE(at + 12);
    }
    const next = bytes.readUInt32LE(file + 12);
    more = next !== 0;
    file += next;
  }
  const minor = (version) => Number(version.split(".")[1]);
  return found.sort((a, b) => minor(a) - minor(b)).at(-1) ?? "";
}
