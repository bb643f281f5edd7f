/** Every finite double is a whole number of 2^-1074. */
const UNIT = 1074n;

function wholeOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return bits >> 63n === 0n ? magnitude : -magnitude;
}

/** The double nearest to a whole number of 2^-1074, ties to even. */
function nearest(whole: bigint): number {
  if (whole === 0n) return 0;
  const sign = whole < 0n ? -1 : 1;
  const size = whole < 0n ? -whole : whole;
  const extra = BigInt(Math.max(0, size.toString(2).length - 53));
  let kept = size >> extra;
  const rest = size - (kept << extra);
  const half = extra === 0n ? 0n : 1n << (extra - 1n);
  if (extra > 0n && (rest > half || (rest === half && kept % 2n === 1n))) kept += 1n;
  let value = Number(kept);
  let power = Number(extra - UNIT);
  for (; power < -1000; power += 500) value *= 2 ** -500;
  return sign * value * 2 ** power;
}

/** Sum of doubles in whole numbers, rounded to a double at the end. */
export function exactSumOracle(values: readonly number[]): number {
  return nearest(values.reduce((sum, value) => sum + wholeOf(value), 0n));
}
