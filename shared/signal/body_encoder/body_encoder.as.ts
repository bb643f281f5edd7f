/**
 * AssemblyScript, compiled to body_encoder.wasm by `npm run kernels`. Writes the text of a signal's body: constant
 * segments with values between them. Numbers are written as JavaScript does, by the shortest digits that read back as
 * the same float64, the closest of them (Raffaello Giulietti, The Schubfach way to render doubles, 2020).
 */

const SEGMENT_BYTES: u32 = 8;
const VALUE_BYTES: u32 = 16;
const HIDDEN_BIT: u64 = 1 << 52;
const EXPONENT_BIAS: i32 = 1075;
const POWER_MIN: i32 = -292;
const POWER_BYTES: u32 = 16;
const NULL: u32 = 0x6c6c756e;
/** JavaScript writes numbers from 1e21 on and below 1e-6 with an exponent. */
const POINT_MAX: i32 = 21;
const POINT_MIN: i32 = -6;

let powers: u32 = 0;
let power: i32 = 0;

/** @param address of the high and low 64 bits of 10^-292 … 10^324, as body_encoder.ts gives them */
export function setPowers(address: u32): void {
  powers = address;
}

/**
 * Writes segment, value, segment, value …
 * @param segments address and length of each segment
 * @param values 16 bytes each: a number, or address and length of a text; the last 4 bytes are 1 for a text
 * @param at address of the text; up to 16 bytes after its end are overwritten
 * @returns the end of the text
 */
export function encode(segments: u32, values: u32, count: u32, at: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    at = copy(load<u32>(segments), load<u32>(segments, 4), at);
    if (load<u32>(values, 12) == 1) at = copy(load<u32>(values), load<u32>(values, 4), at);
    else at = writeNumber(load<f64>(values), at);
    segments += SEGMENT_BYTES;
    values += VALUE_BYTES;
  }
  return at;
}

function copy(from: u32, length: u32, to: u32): u32 {
  for (let done: u32 = 0; done < length; done += 16) v128.store(to + done, v128.load(from + done));
  return to + length;
}

function writeNumber(value: f64, at: u32): u32 {
  const bits = reinterpret<u64>(value);
  const exponent = <i32>(bits >> 52) & 0x7ff;
  if (exponent == 0x7ff) {
    store<u32>(at, NULL);
    return at + 4;
  }
  if (bits << 1 == 0) {
    store<u8>(at, 0x30);
    return at + 1;
  }
  if (<i64>bits < 0) store<u8>(at++, 0x2d);
  let digits = shortestDigits(bits & (HIDDEN_BIT - 1), exponent);
  while (digits % 10 == 0) {
    digits /= 10;
    power++;
  }
  return layOut(digits, at);
}

/** Sets `power`. @returns digits, maybe with zeros at the end: the number is digits × 10^power */
function shortestDigits(fraction: u64, exponent: i32): u64 {
  const c = exponent == 0 ? fraction : fraction | HIDDEN_BIT;
  const q = (exponent == 0 ? 1 : exponent) - EXPONENT_BIAS;
  if (q <= 0 && q > -53 && (c & (((<u64>1) << -q) - 1)) == 0) {
    power = 0;
    return c >> -q;
  }
  const isLowerCloser = fraction == 0 && exponent > 1;
  const k = (q * 1262611 - (isLowerCloser ? 524031 : 0)) >> 22;
  const h = q + ((-k * 1741647) >> 19) + 1;
  const entry = powers + <u32>(-k - POWER_MIN) * POWER_BYTES;
  const high = load<u64>(entry);
  const low = load<u64>(entry, 8);
  const odd = c & 1;
  const lower = roundToOdd(high, low, (4 * c - 2 + u64(isLowerCloser)) << h) + odd;
  const middle = roundToOdd(high, low, (4 * c) << h);
  const upper = roundToOdd(high, low, (4 * c + 2) << h) - odd;
  const s = middle >> 2;
  if (s >= 10) {
    const tens = s / 10;
    const isDownInside = lower <= 40 * tens;
    const isUpInside = 40 * tens + 40 <= upper;
    if (isDownInside != isUpInside) {
      power = k + 1;
      return tens + u64(isUpInside);
    }
  }
  power = k;
  const isDownInside = lower <= 4 * s;
  const isUpInside = 4 * s + 4 <= upper;
  if (isDownInside != isUpInside) return s + u64(isUpInside);
  const half = 4 * s + 2;
  return s + u64(middle > half || (middle == half && (s & 1) != 0));
}

/** The upper 64 bits of (high, low) × c / 2^64, the lowest of them set when anything was cut off. */
function roundToOdd(high: u64, low: u64, c: u64): u64 {
  const carried = highProduct(low, c);
  const y0 = high * c;
  const sum = y0 + carried;
  return (highProduct(high, c) + u64(sum < y0)) | u64(sum > 1);
}

function highProduct(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  return a1 * b1 + (middle >> 32) + (((middle & 0xffffffff) + a0 * b1) >> 32);
}

function layOut(digits: u64, at: u32): u32 {
  const count = digitCount(digits);
  const point = count + power;
  if (point > 0 && point <= POINT_MAX) {
    writeDigits(digits, count, at);
    if (power >= 0) return zeros(power, at + count);
    // The digits behind the point move by one.
    for (let i = count; i > point; i--) store<u8>(at + i, load<u8>(at + i - 1));
    store<u8>(at + point, 0x2e);
    return at + count + 1;
  }
  if (point > POINT_MIN && point <= 0) {
    store<u16>(at, 0x2e30);
    at = zeros(-point, at + 2);
    writeDigits(digits, count, at);
    return at + count;
  }
  writeDigits(digits, count, at + (count > 1 ? 1 : 0));
  if (count > 1) {
    store<u8>(at, load<u8>(at + 1));
    store<u8>(at + 1, 0x2e);
    at++;
  }
  at += count;
  const shift = point - 1;
  store<u16>(at, shift < 0 ? 0x2d65 : 0x2b65);
  const size = <u64>(shift < 0 ? -shift : shift);
  const places = digitCount(size);
  writeDigits(size, places, at + 2);
  return at + 2 + places;
}

function zeros(count: i32, at: u32): u32 {
  for (let i = 0; i < count; i++) store<u8>(at + i, 0x30);
  return at + count;
}

function digitCount(value: u64): i32 {
  let count = 1;
  let limit: u64 = 10;
  while (count < 17 && value >= limit) {
    count++;
    limit *= 10;
  }
  return count;
}

/** By halves: divisions of 32 bits by a constant are multiplications. */
function writeDigits(digits: u64, count: i32, at: u32): void {
  let end = at + count;
  if (digits > 0xffffffff) {
    const upper = digits / 100000000;
    let lower = <u32>(digits - upper * 100000000);
    for (let i = 0; i < 8; i++) {
      store<u8>(--end, 0x30 + (lower % 10));
      lower /= 10;
    }
    digits = upper;
  }
  let rest = <u32>digits;
  while (end > at) {
    store<u8>(--end, 0x30 + (rest % 10));
    rest /= 10;
  }
}
