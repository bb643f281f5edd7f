const FIRST = -292;
const LAST = 324;
const BITS = 128n;

/**
 * 10^-292 … 10^324, each scaled by a power of two to 128 bits and rounded up: high and low 64 bits in turn, as
 * body_encoder.as.ts reads them.
 */
export function powersOfTen(): BigUint64Array {
  const powers = new BigUint64Array(2 * (LAST - FIRST + 1));
  for (let exponent = FIRST; exponent <= LAST; exponent++) {
    const scaled = exponent < 0 ? reciprocal(10n ** BigInt(-exponent)) : scale(10n ** BigInt(exponent));
    const at = 2 * (exponent - FIRST);
    powers[at] = scaled >> 64n;
    powers[at + 1] = scaled & 0xffff_ffff_ffff_ffffn;
  }
  return powers;
}

function scale(value: bigint): bigint {
  const shift = bitLength(value) - BITS;
  return shift <= 0n ? value << -shift : ceilOver(value, 1n << shift);
}

function reciprocal(value: bigint): bigint {
  return ceilOver(1n << (bitLength(value) + BITS - 1n), value);
}

function ceilOver(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

function bitLength(value: bigint): bigint {
  return BigInt(value.toString(2).length);
}
