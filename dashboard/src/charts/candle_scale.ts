type Values = readonly (number | null)[];

/** Of the candles' height, so much is shown beyond them where a level is farther away. */
const MOST_BEYOND = 1;
const MARGIN = 0.06;

/**
 * Least and greatest price that a chart of candles shows: all candles, and levels beside them. A level that is farther
 * away than the candles are high is left out, since with it they would be a line.
 * @returns null without candles
 */
export function candleScale(low: Values, high: Values, levels: readonly Values[]): [number, number] | null {
  const least = extreme([low], Math.min);
  const greatest = extreme([high], Math.max);
  if (least === null || greatest === null) return null;
  const height = greatest - least || Math.abs(greatest) / 1000 || 1;
  const isNear = (value: number | null): boolean =>
    value !== null && value >= least - MOST_BEYOND * height && value <= greatest + MOST_BEYOND * height;
  const near = levels.map((values) => values.filter(isNear));
  const margin = MARGIN * height;
  return [extreme([...near, [least]], Math.min)! - margin, extreme([...near, [greatest]], Math.max)! + margin];
}

function extreme(columns: readonly Values[], better: (a: number, b: number) => number): number | null {
  let found: number | null = null;
  for (const column of columns)
    for (const value of column) if (value !== null) found = found === null ? value : better(found, value);
  return found;
}
