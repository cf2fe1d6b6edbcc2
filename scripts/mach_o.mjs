/**
 * Reads what a 64-bit Mach-O file says of itself: its processor, the libraries it loads, the symbols it
 * exports and those it expects, and whether it is signed.
 */

const MAGIC = 0xfeedfacf;
const CPUS = new Map([
  [0x0100000c, "arm64"],
  [0x01000007, "x86_64"],
]);
const PLATFORMS = new Map([[1, "macOS"]]);
const COMMAND = {
  ...{ symbols: 0x2, library: 0xc, weakLibrary: 0x80000018, version: 0x32, signature: 0x1d },
};

/** A string that ends with a zero byte. */
function stringAt(bytes, from) {
  return bytes.toString("utf8", from, bytes.indexOf(0, from));
}

/**
 * { cpu, platform, oldest, isSigned, libraries, defined, undefined: [{ name, from }] }, where `from` counts the
 * libraries from one and 254 is whoever has it when it is loaded.
 */
export function readMachO(bytes) {
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error("this is not a 64-bit Mach-O file");
  const file = {
    cpu: CPUS.get(bytes.readUInt32LE(4)) ?? "another processor",
    platform: "",
    oldest: "",
    isSigned: false,
    libraries: [],
    defined: [],
    undefined: [],
  };
  const count = bytes.readUInt32LE(16);
  for (let i = 0, at = 32; i < count; ++i) {
    const command = bytes.readUInt32LE(at);
    if (command === COMMAND.library || command === COMMAND.weakLibrary)
      file.libraries.push(stringAt(bytes, at + bytes.readUInt32LE(at + 8)));
    if (command === COMMAND.version) {
      const oldest = bytes.readUInt32LE(at + 12);
      file.platform = PLATFORMS.get(bytes.readUInt32LE(at + 8)) ?? "another platform";
      file.oldest = `${oldest >>> 16}.${(oldest >>> 8) & 255}`;
    }
    if (command === COMMAND.signature) file.isSigned = true;
    if (command === COMMAND.symbols) readSymbols(bytes, at, file);
    at += bytes.readUInt32LE(at + 4);
  }
  return file;
}

/** Symbols that other files see: `n_type` has the external bit and no debugger's bits. */
function readSymbols(bytes, at, file) {
  const [first, count, names] = [8, 12, 16].map((offset) => bytes.readUInt32LE(at + offset));
  for (let i = 0; i < count; ++i) {
    const entry = first + 16 * i;
    const type = bytes[entry + 4];
    if ((type & 0xe0) !== 0 || (type & 1) === 0) continue;
    const name = stringAt(bytes, names + bytes.readUInt32LE(entry));
    if ((type & 0x0e) === 0) file.undefined.push({ name, from: bytes[entry + 7] });
    else if ((type & 0x10) === 0) file.defined.push(name);
  }
}
