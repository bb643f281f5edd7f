import { spellSubject } from '../symbol/symbol.ts';
import type { Settings } from './policy.ts';
import { symbolNames } from './symbol_names.ts';

/** A subject that a rule may answer for, as a person writes it: a configured pair, else an instrument. */
export function spellRuled(text: string, settings: Settings): string {
  const names = symbolNames(settings);
  const pair = spellSubject(text, names, 'pair');
  return settings.minutehand.pairs.includes(pair) ? pair : spellSubject(text, names, 'instrument');
}
