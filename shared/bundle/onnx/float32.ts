const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/**
 * The greatest float32 below `value`, a float32 itself: x < value exactly when x <= it. −Infinity and NaN have none and
 * give NaN.
 */
export function nextBelow(value: number): number {
  if (value === -Infinity) return NaN;
  float[0] = value;
  if (float[0] === 0) bits[0] = -0x7fffffff;
  else bits[0]! += float[0]! > 0 ? -1 : 1;
  return float[0]!;
}

/** The least float32 above `value`. Infinity and NaN have none and give NaN. */
export function nextAbove(value: number): number {
  return -nextBelow(-value);
}
