const MAX_FLOAT32 = 3.4e38;

/** Writes `count` values from `from` on as float32; what it cannot hold becomes ±3.4e38. */
export function writeFloats(values: Float64Array, from: number, count: number, out: Float32Array, at: number): void {
  for (let c = 0; c < count; c++) {
    const value = values[from + c]!;
    out[at + c] = value > MAX_FLOAT32 ? MAX_FLOAT32 : value < -MAX_FLOAT32 ? -MAX_FLOAT32 : value;
  }
}
