/** Number of rows of each class, [classes]. @param y 0…classes − 1, by row */
export function countClasses(y: Float64Array, rows: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const row of rows) counts[y[row]!]!++;
  return counts;
}
