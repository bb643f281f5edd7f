/** Values over time in few enough columns for a chart: of each column the range from the least to the greatest. */
export interface ValueChart {
  /** Epoch seconds of the last bar of each column, ascending. */
  readonly time: readonly number[];
  /** null: no bar of the column has a value. */
  readonly least: readonly (number | null)[];
  readonly greatest: readonly (number | null)[];
}

/**
 * Joins bars to at most `most` columns of equally many bars.
 * @param time epoch seconds of each bar, ascending
 * @param values of the bars; NaN = missing
 */
export function valueChart(time: Float64Array, values: Float64Array, most: number): ValueChart {
  const columns = Math.min(most, time.length);
  const chart = { time: [] as number[], least: [] as (number | null)[], greatest: [] as (number | null)[] };
  for (let column = 0; column < columns; column++) {
    const begin = Math.floor((column * time.length) / columns);
    const end = Math.floor(((column + 1) * time.length) / columns);
    let least = Infinity;
    let greatest = -Infinity;
    for (const value of values.subarray(begin, end)) {
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    const isKnown = least <= greatest;
    chart.time.push(time[end - 1]!);
    chart.least.push(isKnown ? least : null);
    chart.greatest.push(isKnown ? greatest : null);
  }
  return chart;
}
