/**
 * The novelty once more, written from docs/reference/MODELS.md#novelty and slow on purpose. It imports nothing, so it
 * shares no defect with `input_novelty.ts`; sums run in the same order, so the bits are the same.
 */

export interface DescribedInputs {
  readonly columns: readonly string[];
  readonly median: readonly number[];
  readonly scale: readonly number[];
  readonly missing: readonly number[];
  readonly centers: readonly (readonly number[])[];
  readonly distances: readonly number[];
  readonly farther: readonly number[];
}

/** @param row values by name; NaN = missing */
export function expectedNovelty(inputs: DescribedInputs, row: Readonly<Record<string, number>>): number {
  const values = inputs.columns.map((name, i) => {
    const scaled = (row[name]! - inputs.median[i]!) / inputs.scale[i]!;
    return Number.isNaN(scaled) ? inputs.missing[i]! : Math.max(-8, Math.min(8, scaled));
  });
  const squares = inputs.centers.map((center) =>
    values.reduce((sum, value, i) => sum + (value - center[i]!) * (value - center[i]!), 0),
  );
  const distance = Math.sqrt(Math.min(...squares) / values.length);
  const { distances, farther } = inputs;
  const above = distances.findIndex((known) => known > distance);
  if (above === 0) return farther[0]!;
  if (above < 0) return farther.at(-1)!;
  const way = (distance - distances[above - 1]!) / (distances[above]! - distances[above - 1]!);
  return farther[above - 1]! + way * (farther[above]! - farther[above - 1]!);
}
