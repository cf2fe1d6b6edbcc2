/**
 * numpy's `default_rng(seed).standard_normal`: published experiments name their seeds. Bit for bit when
 * rounded to fp32; numpy's tables of the ziggurat differ in the last digits of a double.
 *
 * SeedSequence (O'Neill's seed_seq_fe) spreads the seed, PCG64 (XSL-RR 128/64) makes 64-bit words, and
 * the ziggurat of Marsaglia and Tsang with 256 layers makes normal numbers of them.
 */

/** 64 bits as two words of 32. */
interface Words {
  high: number;
  low: number;
}

const WIDE = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** The four 64-bit words that numpy's SeedSequence makes of a seed below 2^32. */
function seedWords(seed: number): bigint[] {
  let hash = 0x43b0d7e5;
  const mixIn = (value: number): number => {
    let v = (value ^ hash) >>> 0;
    hash = Math.imul(hash, 0x931e8875) >>> 0;
    v = Math.imul(v, hash) >>> 0;
    return (v ^ (v >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const v = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (v ^ (v >>> 16)) >>> 0;
  };
  const pool = [seed >>> 0, 0, 0, 0].map(mixIn);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from !== to) pool[to] = mix(pool[to]!, mixIn(pool[from]!));
    }
  }
  hash = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let v = (pool[i % 4]! ^ hash) >>> 0;
    hash = Math.imul(hash, 0x58f38ded) >>> 0;
    v = Math.imul(v, hash) >>> 0;
    return BigInt((v ^ (v >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => words[i]! | (words[i + 1]! << 32n));
}

/** Eight limbs of 16 bits, the lowest first. */
const limbs = (x: bigint): Float64Array =>
  Float64Array.from({ length: 8 }, (_, i) => Number((x >> BigInt(16 * i)) & 0xffffn));

/** PCG64: 128 bits of state, 64 bits out, written to `words`. */
function pcg64(seed: number, words: Words): () => void {
  const [a, b, c, d] = seedWords(seed) as [bigint, bigint, bigint, bigint];
  const increment = ((((c << 64n) | d) << 1n) | 1n) & WIDE;
  const first = (increment + ((a << 64n) | b)) & WIDE;
  const state = limbs((first * MULTIPLIER + increment) & WIDE);
  const [factor, plus] = [limbs(MULTIPLIER), limbs(increment)];
  const next = new Float64Array(8);
  const word = (i: number): number => (state[i]! | (state[i + 1]! << 16)) >>> 0;
  return () => {
    let carry = 0;
    for (let i = 0; i < 8; i++) {
      let sum = plus[i]! + carry;
      for (let j = 0; j <= i; j++) sum += state[j]! * factor[i - j]!;
      carry = Math.floor(sum / 65536);
      next[i] = sum - carry * 65536;
    }
    state.set(next);
    const low = (word(0) ^ word(4)) >>> 0;
    const high = (word(2) ^ word(6)) >>> 0;
    const turn = state[7]! >>> 10;
    const p = turn >= 32 ? low : high;
    const q = turn >= 32 ? high : low;
    const by = turn & 31;
    words.high = by === 0 ? p : ((p >>> by) | (q << (32 - by))) >>> 0;
    words.low = by === 0 ? q : ((q >>> by) | (p << (32 - by))) >>> 0;
  };
}

/** Where the tail of the ziggurat begins, and the area of each layer. */
const TAIL = 3.6541528853610088;
const AREA = 0.0049286732339746519;
const LAYERS = 256;
const SCALE = 2 ** 52;

interface Ziggurat {
  /** Widths in units of 2^-52, the part of a layer that lies inside the next, and the densities. */
  readonly width: Float64Array;
  readonly inside: Float64Array;
  readonly density: Float64Array;
}

function ziggurat(): Ziggurat {
  const f = (x: number): number => Math.exp(-0.5 * x * x);
  const x = new Float64Array(LAYERS + 1);
  x[LAYERS] = AREA / f(TAIL);
  x[LAYERS - 1] = TAIL;
  for (let i = LAYERS - 2; i > 0; i--) {
    x[i] = Math.sqrt(-2 * Math.log(AREA / x[i + 1]! + f(x[i + 1]!)));
  }
  const width = new Float64Array(LAYERS);
  const inside = new Float64Array(LAYERS);
  const density = new Float64Array(LAYERS);
  for (let i = 0; i < LAYERS; i++) {
    const outer = i === 0 ? x[LAYERS]! : x[i]!;
    const inner = i === 0 ? TAIL : i === 1 ? 0 : x[i - 1]!;
    width[i] = outer / SCALE;
    inside[i] = Math.floor((inner / outer) * SCALE);
    density[i] = i === 0 ? 1 : f(x[i]!);
  }
  return { width, inside, density };
}

/** As `numpy.random.default_rng(seed)`: each call fills an array with the next normal numbers. */
export function numpyNormal(seed: number): (count: number) => Float64Array {
  const words: Words = { high: 0, low: 0 };
  const word = pcg64(seed, words);
  const { width, inside, density } = ziggurat();
  const uniform = (): number => {
    word();
    return (words.high * 2 ** 21 + (words.low >>> 11)) / 2 ** 53;
  };
  const draw = (): number => {
    for (;;) {
      word();
      const { high, low } = words;
      const layer = low & 0xff;
      const isNegative = (low & 0x100) !== 0;
      // Bits 9 … 60.
      const place = ((high >>> 9) & 0xfffff) * 2 ** 32 + (((high << 23) | (low >>> 9)) >>> 0);
      const x = place * width[layer]!;
      if (place < inside[layer]!) return isNegative ? -x : x;
      if (layer === 0) {
        for (;;) {
          const across = -Math.log1p(-uniform()) / TAIL;
          const down = -Math.log1p(-uniform());
          if (down + down > across * across) {
            const tail = TAIL + across;
            return ((low >>> 17) & 1) !== 0 ? -tail : tail;
          }
        }
      }
      const height = (density[layer - 1]! - density[layer]!) * uniform() + density[layer]!;
      if (height < Math.exp(-0.5 * x * x)) return isNegative ? -x : x;
    }
  };
  return (count) => Float64Array.from({ length: count }, draw);
}
