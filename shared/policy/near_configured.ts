import { parseSubject, symbolsOf } from '../pair.ts';
import { nearSymbols } from '../symbol/near_symbols.ts';
import type { MinutehandSettings } from './schema.ts';

/** A configured symbol that may be misspelt. */
interface NearConfigured {
  readonly symbol: string;
  /** Its pairs and instruments. */
  readonly subjects: readonly string[];
  /** Other configured symbols, and those that everyone has, that are a letter away. */
  readonly near: readonly string[];
}

type ConfiguredSymbols = Pick<MinutehandSettings, 'pairs' | 'instruments' | 'symbols'>;

/** A warning for each configured symbol that may be misspelt. */
export function nearConfiguredWarnings({ minutehand }: { readonly minutehand: ConfiguredSymbols }): string[] {
  return nearConfigured(minutehand).map(warningOf);
}

function nearConfigured({ pairs, instruments, symbols }: ConfiguredSymbols): NearConfigured[] {
  const ids = [...pairs, ...instruments];
  const known = [...new Set([...Object.keys(symbols), ...symbolsOf(ids.map(parseSubject))])];
  return known.flatMap((symbol) => {
    const near = nearSymbols(symbol, known);
    const subjects = ids.filter((id) => symbolsOf([parseSubject(id)]).includes(symbol));
    return near.length === 0 ? [] : [{ symbol, subjects, near }];
  });
}

function warningOf({ symbol, subjects, near }: NearConfigured): string {
  const of = subjects.length === 0 ? 'symbols' : subjects.join(', ');
  return `${symbol} (${of}) is one letter away from ${near.join(', ')}. If it is misspelt, correct it in minutehand.yaml; else nothing is wrong.`;
}
