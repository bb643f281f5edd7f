/** Below 0 when the first id is older. @param x,y `<ms>-<number>`, each part a whole number below 2^64 */
export function compareIds(x: string, y: string): number {
  const [xMs, xNumber] = partsOf(x);
  const [yMs, yNumber] = partsOf(y);
  if (xMs !== yMs) return xMs < yMs ? -1 : 1;
  return xNumber === yNumber ? 0 : xNumber < yNumber ? -1 : 1;
}

const PART_MAX = 2n ** 64n - 1n;

/** The least id above this one; null above the greatest. @param id `<ms>-<number>` */
export function idAfter(id: string): string | null {
  const [ms, number] = partsOf(id);
  if (number < PART_MAX) return `${ms}-${number + 1n}`;
  return ms < PART_MAX ? `${ms + 1n}-0` : null;
}

function partsOf(id: string): [bigint, bigint] {
  const dash = id.indexOf('-');
  return [BigInt(id.slice(0, dash)), BigInt(id.slice(dash + 1))];
}
