/** Groups of rows, numbered from 0. */
export interface Groups {
  /** [rows] */
  readonly group: Int32Array;
  readonly groups: number;
}

/**
 * Groups of about equal size in order of the value. Rows with equal values are in the same group, so that there may be
 * fewer; missing values are one more.
 * @param values NaN where missing
 */
export function quantileGroups(values: ArrayLike<number>, count: number): Groups {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const edges: number[] = [];
  for (let k = 1; k < count; k++) {
    const edge = sorted[Math.floor((k * sorted.length) / count)];
    if (edge !== undefined && edge > (edges.at(-1) ?? sorted[0]!)) edges.push(edge);
  }
  const known = edges.length + 1;
  let hasMissing = false;
  const group = Int32Array.from({ length: values.length }, (_, row) => {
    const value = values[row]!;
    if (Number.isNaN(value)) {
      hasMissing = true;
      return known;
    }
    let at = 0;
    while (at < edges.length && value >= edges[at]!) at++;
    return at;
  });
  return { group, groups: (sorted.length === 0 ? 0 : known) + (hasMissing ? 1 : 0) };
}
