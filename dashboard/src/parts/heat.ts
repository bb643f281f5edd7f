/** Color class of a result: four levels up to `full` on each side of zero. */
export function levelOf(net: number | null, full: number): string {
  if (net === null) return '';
  return `${net < 0 ? 'loss' : 'gain'}-${Math.min(4, 1 + Math.floor((3.99 * Math.abs(net)) / Math.max(full, 1e-9)))}`;
}
