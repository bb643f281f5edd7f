/**
 * Student's t distribution with an even number of degrees of freedom: its series ends after half of them (Abramowitz &
 * Stegun, Handbook of Mathematical Functions, 26.7.4), and takes square roots and products alone, so that it is the
 * same to the last bit on every machine.
 */

/** P(T > t). @param degrees even, at least 2 */
export function studentTail(t: number, degrees: number): number {
  if (!(degrees >= 2) || degrees % 2 !== 0) throw new RangeError(`${degrees} degrees of freedom are not even`);
  if (Number.isNaN(t)) return NaN;
  if (t === Infinity) return 0;
  if (t < 0) return 1 - studentTail(-t, degrees);
  const cosine2 = degrees / (degrees + t * t);
  const sine = t / Math.sqrt(degrees + t * t);
  let term = 1;
  let sum = 1;
  for (let k = 1; k < degrees / 2; k++) {
    term *= (cosine2 * (2 * k - 1)) / (2 * k);
    sum += term;
  }
  return (1 - sine * sum) / 2;
}

/** The t with P(T > t) = `level`, by bisection. @param level in (0, 1) */
export function studentUpper(level: number, degrees: number): number {
  if (!(level > 0 && level < 1)) throw new RangeError(`a level of ${level}`);
  if (level > 0.5) return -studentUpper(1 - level, degrees);
  let low = 0;
  let high = 1;
  while (studentTail(high, degrees) > level && high < 1e9) {
    low = high;
    high = 2 * high;
  }
  for (let step = 0; step < 200; step++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentTail(middle, degrees) > level) low = middle;
    else high = middle;
  }
  return high;
}
