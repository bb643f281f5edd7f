/**
 * exp and ln from IEEE additions, multiplications, divisions and square roots alone. ECMAScript leaves the last bits of
 * Math.exp and Math.log to the engine; what must be the same bytes on every machine (trees, seeded markets) uses these.
 */

const LN2 = 0.6931471805599453;
/** ln 2 in two parts; the high one has 21 trailing zero bits, so that an integer below 2^21 times it is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

const STEPS_PER_OCTAVE = 64;
const LOWEST_POWER = -1022;

/** 2^(j/64) for j in 0…63, as products of repeated square roots of 2. */
const FRACTIONS = ((): Float64Array => {
  const table = new Float64Array(STEPS_PER_OCTAVE).fill(1);
  let root = 2;
  for (let bit = STEPS_PER_OCTAVE / 2; bit >= 1; bit /= 2) {
    root = Math.sqrt(root);
    for (let j = 0; j < STEPS_PER_OCTAVE; j++) if ((j & bit) !== 0) table[j] = table[j]! * root;
  }
  return table;
})();

/** 2^k for k in −1022…1023. */
const POWERS = ((): Float64Array => {
  const table = new Float64Array(2046);
  let power = 1;
  for (let k = 0; k <= 1023; k++, power *= 2) table[k - LOWEST_POWER] = power;
  power = 1;
  for (let k = 0; k >= LOWEST_POWER; k--, power /= 2) table[k - LOWEST_POWER] = power;
  return table;
})();

/**
 * e^x, relative error below 1e-15 for |x| ≤ 708; beyond that 0 or Infinity (subnormal results are flushed to 0).
 * Tang's method: x = (64k + j)·ln2/64 + r with |r| ≤ ln2/128, then a table and a short Taylor polynomial.
 */
export function exp(x: number): number {
  if (!(x >= -708)) return x < -708 ? 0 : NaN;
  if (x > 709) return Infinity;
  const steps = Math.floor((x * STEPS_PER_OCTAVE) / LN2 + 0.5);
  const r = x - (steps / STEPS_PER_OCTAVE) * LN2_HIGH - (steps / STEPS_PER_OCTAVE) * LN2_LOW;
  const tail = r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120)))));
  const fraction = FRACTIONS[steps & (STEPS_PER_OCTAVE - 1)]!;
  return (fraction + fraction * tail) * POWERS[(steps >> 6) - LOWEST_POWER]!;
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * Natural logarithm, relative error below 1e-15. ln 0 = −Infinity; NaN below 0.
 * x = m·2^k with m in [√½, √2); ln m = 2·artanh((m − 1)/(m + 1)) by its power series.
 */
export function ln(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  if (x < 2.2250738585072014e-308) return ln(x * 18014398509481984) - 54 * LN2;
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | (1023 << 20));
  let mantissa = bits.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const s2 = s * s;
  let series = 0;
  for (let denominator = 23; denominator >= 3; denominator -= 2) series = (series + 1 / denominator) * s2;
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * series + 2 * s);
}

/** 1 / (1 + e^−x), in [0, 1]. */
export function sigmoid(x: number): number {
  return 1 / (1 + exp(-x));
}

/** Logits of each row to shares of one, in place. @param logits [rows × width] */
export function softmaxRows(logits: Float64Array, width: number): Float64Array {
  for (let first = 0; first < logits.length; first += width) softmaxAt(logits, first, width);
  return logits;
}

/** Logits to shares of one, in place. */
export function softmax(logits: Float64Array): void {
  softmaxAt(logits, 0, logits.length);
}

/**
 * `width` logits from `first` on to shares of one, in place. The greatest is subtracted first, so that nothing
 * overflows. Allocates nothing: the hot path calls it.
 */
export function softmaxAt(values: Float64Array, first: number, width: number): void {
  const end = first + width;
  let greatest = -Infinity;
  for (let i = first; i < end; i++) greatest = Math.max(greatest, values[i]!);
  let sum = 0;
  for (let i = first; i < end; i++) {
    const own = exp(values[i]! - greatest);
    values[i] = own;
    sum += own;
  }
  for (let i = first; i < end; i++) values[i] = values[i]! / sum;
}
