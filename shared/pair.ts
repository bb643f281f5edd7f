/** Two symbols traded against each other: leg A is explained by leg B. */
export interface Pair {
  /** `XAUUSD_XAGUSD` */
  readonly id: string;
  readonly a: string;
  readonly b: string;
}

/** Parses `XAUUSD_XAGUSD`. @throws RangeError when it is not two symbols joined by one underscore. */
export function parsePair(id: string): Pair {
  const match = /^([A-Z0-9.]+)_([A-Z0-9.]+)$/.exec(id);
  if (!match || match[1] === match[2]) throw new RangeError(`"${id}" is not a pair id such as XAUUSD_XAGUSD`);
  return { id, a: match[1]!, b: match[2]! };
}

/** Display name of a pair: `XAU/USD vs XAG/USD`. Symbols that are not six letters stay as they are. */
export function pairLabel(pair: Pair): string {
  const symbolLabel = (symbol: string): string =>
    /^[A-Z]{6}$/.test(symbol) ? `${symbol.slice(0, 3)}/${symbol.slice(3)}` : symbol;
  return `${symbolLabel(pair.a)} vs ${symbolLabel(pair.b)}`;
}

/** Every symbol that a leg of these pairs has, once, in order of first occurrence. */
export function symbolsOf(pairs: readonly Pair[]): string[] {
  return [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
}
