import { MinutehandError } from '../errors.ts';
import { shownName, spellSubject, type SymbolNames } from '../symbol/symbol.ts';
import { nearNames } from './spelling.ts';

/** Of a longer list of configured subjects, an error shows so many. */
const SHOWN = 12;

/**
 * The configured subject that a text means, in any spelling of its symbols.
 * @param known ids of pairs and instruments
 * @throws MinutehandError PAIR_UNKNOWN
 */
export function knownSubject(
  text: string,
  known: readonly string[],
  names: SymbolNames,
  kind: 'pair' | 'instrument' | 'either' = 'either',
): string {
  const spellings = kind === 'either' ? (['either', 'pair', 'instrument'] as const) : ([kind] as const);
  const spelled = [text, ...spellings.map((one) => spellSubject(text, names, one))];
  const id = spelled.find((one) => known.includes(one));
  if (id !== undefined) return id;
  throw pairUnknown([text], known);
}

/**
 * The refusal of subjects that are not configured: the ones nearest to them, or all.
 * @param seen one or more, as given
 */
export function pairUnknown(seen: readonly string[], known: readonly string[]): MinutehandError {
  const near = [...new Set(seen.flatMap((one) => nearNames(one, known)))].slice(0, SHOWN);
  const listed = near.length > 0 ? near : known.slice(0, SHOWN);
  const rest = near.length > 0 || known.length <= SHOWN ? '' : ` or one of ${known.length - SHOWN} more`;
  return new MinutehandError('PAIR_UNKNOWN', {
    seen: seen.map(shownName).join(', '),
    ...(listed.length > 0 && {
      expected: `${near.length > 0 ? 'perhaps ' : ''}${listed.join(', ')}${rest}`,
      next: 'Use a subject of config/minutehand.yaml, or add this one there under pairs or instruments.',
    }),
  });
}
