/**
 * The rule of all stored values: a finite double that is not −0, or missing, which is one bit pattern of NaN. A result
 * that overflows or has no value (x / 0, ln 0) is missing. Loops write this rule out, as `value + 0` and a branch: a
 * call that is not inlined, or a choice between a double and a constant, makes V8 allocate.
 */
export function finite(value: number): number {
  // −0 + 0 = 0; Infinity − Infinity and NaN − NaN are NaN.
  const positive = value + 0;
  return positive - positive === 0 ? positive : NaN;
}
