import type { FitRows } from '../contract/fit_rows.ts';

/** What the oracle learns from: columns as the model sees them, each row with 1 behind them. */
interface OracleRows {
  readonly z: readonly (readonly number[])[];
  readonly label: readonly number[];
  readonly weight: readonly number[];
}

/** The columns as the model sees them, by the definition: weighted mean 0 and deviation 1, missing = 0, within ±5. */
export function standardizedRows({ x, y, weights }: Pick<FitRows, 'x' | 'y' | 'weights'>): OracleRows {
  const at = (row: number, column: number): number => x.values[row * x.columns + column]!;
  const all = [...weights.keys()];
  const scale = Array.from({ length: x.columns }, (_, column) => {
    const known = all.filter((row) => Number.isFinite(at(row, column)));
    const total = known.reduce((sum, row) => sum + weights[row]!, 0);
    const mean = known.reduce((sum, row) => sum + weights[row]! * at(row, column), 0) / total;
    const squares = known.reduce((sum, row) => sum + weights[row]! * (at(row, column) - mean) ** 2, 0);
    return { mean, deviation: Math.sqrt(squares / total) };
  });
  const z = all.map((row) => [
    ...scale.map(({ mean, deviation }, column) => {
      const value = (at(row, column) - mean) / deviation;
      return Number.isNaN(value) ? 0 : Math.min(Math.max(value, -5), 5);
    }),
    1,
  ]);
  return { z, label: [...y], weight: [...weights] };
}

/**
 * Multinomial logistic regression by gradient descent until nothing moves: slow, and nothing but the definition.
 * @returns [classes][columns + 1]
 */
export function descend(
  { z, label, weight }: OracleRows,
  { classes, ridge }: { readonly classes: number; readonly ridge: number },
): number[][] {
  const size = z[0]!.length;
  const total = weight.reduce((sum, own) => sum + own, 0);
  const coefficients = Array.from({ length: classes }, () => new Array<number>(size).fill(0));
  // The curvature of the mean loss is below half of the greatest squared length of a row.
  const rate = 1 / (ridge + 0.5 * Math.max(...z.map((row) => row.reduce((sum, own) => sum + own * own, 0))));
  for (let step = 0; step < 200_000; step++) {
    const slope = coefficients.map((own) => own.map((value, i) => (i < size - 1 ? ridge * value : 0)));
    z.forEach((row, at) => {
      const e = coefficients.map((own) => Math.exp(own.reduce((sum, value, i) => sum + value * row[i]!, 0)));
      const sum = e.reduce((a, b) => a + b, 0);
      slope.forEach((own, k) => {
        const residual = (weight[at]! / total) * (e[k]! / sum - (label[at] === k ? 1 : 0));
        for (let i = 0; i < size; i++) own[i]! += residual * row[i]!;
      });
    });
    let largest = 0;
    coefficients.forEach((own, k) =>
      own.forEach((_, i) => {
        own[i]! -= rate * slope[k]![i]!;
        largest = Math.max(largest, Math.abs(slope[k]![i]!));
      }),
    );
    if (largest < 1e-9) break;
  }
  return coefficients;
}
