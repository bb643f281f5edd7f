import { MinutehandError } from '../errors.ts';
import { shownName, spellSubject, type SymbolNames } from '../symbol/symbol.ts';
import { nearNames, onlyTimeframe } from './spelling.ts';

/** Of a longer list of configured subjects, an error shows so many. */
const SHOWN = 12;

type SubjectKind = 'pair' | 'instrument' | 'either';

/**
 * The configured subject that a text means, in any spelling of its symbols; its timeframe may be absent where only one
 * is configured.
 * @param known ids of pairs and instruments
 * @throws MinutehandError PAIR_UNKNOWN
 */
export function knownSubject(
  text: string,
  known: readonly string[],
  names: SymbolNames,
  kind: SubjectKind = 'either',
): string {
  const id = configuredSubject(text, known, names, kind);
  if (id !== null) return id;
  throw pairUnknown([text], known);
}

/** As `knownSubject`. @returns null where that throws */
export function configuredSubject(
  text: string,
  known: readonly string[],
  names: SymbolNames,
  kind: SubjectKind = 'either',
): string | null {
  const spellings = kind === 'either' ? (['either', 'pair', 'instrument'] as const) : ([kind] as const);
  const spelled = [text, ...spellings.map((one) => spellSubject(text, names, one))];
  const id = spelled.find((one) => known.includes(one));
  if (id !== undefined) return id;
  const [only] = spelled.flatMap((one) => onlyTimeframe(one, known) ?? []);
  return only ?? null;
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
