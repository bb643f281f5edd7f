import { dirname, basename, resolve } from 'node:path';

/** Folders above a file whose names say what its prices are: `markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2025-01.csv`. */
const FOLDERS_READ = 4;

/** Names of files and folders by which exchanges call prices at which nobody trades. */
const UNTRADED: readonly (readonly [name: RegExp, kind: string])[] = [
  [/premium[-_ ]?index|(?:^|[-_. ])premium(?:[-_. ]|klines?|$)/i, 'the premium index'],
  [/mark[-_ ]?price|(?:^|[-_. ])mark(?:[-_. ]|klines?|$)/i, 'mark prices'],
  [/index[-_ ]?price|index[-_ ]?klines?|(?:^|[-_. ])index(?:$|[-_. ](?:\d|candles|klines))/i, 'index prices'],
];

export interface PriceName {
  /** `mark prices` */
  readonly kind: string;
  /** The file or folder whose name states it. */
  readonly name: string;
}

/** Whether the name of a file, or of a folder that it is in, states that its bars are not of trades; else null. */
export function untradedName(path: string): PriceName | null {
  let at = resolve(path);
  for (let depth = 0; depth <= FOLDERS_READ; depth++) {
    const name = basename(at);
    const found = UNTRADED.find(([pattern]) => pattern.test(name));
    if (found !== undefined) return { kind: found[1], name };
    at = dirname(at);
  }
  return null;
}
