/** Below 0 when the first id is older. @param x,y `<ms>-<number>`, each part a whole number below 2^64 */
export function compareIds(x: string, y: string): number {
  const [xMs, xNumber] = partsOf(x);
  const [yMs, yNumber] = partsOf(y);
  if (xMs !== yMs) return xMs < yMs ? -1 : 1;
  return xNumber === yNumber ? 0 : xNumber < yNumber ? -1 : 1;
}

function partsOf(id: string): [bigint, bigint] {
  const dash = id.indexOf('-');
  return [BigInt(id.slice(0, dash)), BigInt(id.slice(dash + 1))];
}
