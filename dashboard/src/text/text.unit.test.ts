import { describe, expect, it } from 'vitest';
import { DIRECTION_CONDITION_NAMES } from '../../../shared/core/decide/direction_conditions.ts';
import { EVENTS } from '../../../trainer/store/events.ts';
import { REASONS } from '../../../shared/core/decide/decide.ts';
import { CONDITION_NAMES } from '../../../shared/core/decide/entry_conditions.ts';
import { INSTRUMENT_REASONS } from '../../../shared/explain/instrument_reasons.ts';
import { EN } from './en.ts';
import { JA } from './ja.ts';

const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe('the dictionaries of the dashboard', () => {
  it('have the same keys with the same placeholders, and no empty text', () => {
    expect(Object.keys(JA)).toEqual(Object.keys(EN));
    for (const [key, text] of Object.entries(EN)) {
      const translated = JA[key as keyof typeof EN];
      expect(text.trim() + translated.trim()).not.toBe('');
      expect([key, placeholders(translated)]).toEqual([key, placeholders(text)]);
    }
  });

  it('name every reason of a signal, its meaning, every condition of an entry, and every notification', () => {
    const needed = [
      ...Object.keys({ ...REASONS, ...INSTRUMENT_REASONS }).flatMap((reason) => [
        `reason.${reason}`,
        `meaning.${reason}`,
      ]),
      ...Object.keys(EVENTS).map((event) => `event.${event}`),
      ...[...CONDITION_NAMES, ...DIRECTION_CONDITION_NAMES].map((name) => `condition.${name}`),
    ];
    expect(needed.filter((key) => !Object.hasOwn(EN, key))).toEqual([]);
  });

  it('are Japanese where they are: no text but names and codes equals the English one', () => {
    const same = Object.entries(EN).filter(([key, text]) => JA[key as keyof typeof EN] === text);
    expect(same.map(([key]) => key).sort()).toEqual([
      'app.csv',
      'app.json',
      'condition.z',
      'field.theta1',
      'field.theta2',
    ]);
  });
});
