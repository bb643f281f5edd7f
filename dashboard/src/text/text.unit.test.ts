import { describe, expect, it } from 'vitest';
import { SERVED_RULE } from '../../../shared/strategies/formula_rule/served_rule.ts';
import { DIRECTION_RULE } from '../../../shared/strategies/direction/direction_rule.ts';
import { EVENTS } from '../../../trainer/store/schema/events.ts';
import { REASONS } from '../../../shared/strategies/pair_reversion/reasons.ts';
import { PAIR_RULE } from '../../../shared/strategies/pair_reversion/pair_rule.ts';
import { INSTRUMENT_REASONS } from '../../../shared/explain/instrument_reasons.ts';
import { EN } from './en.ts';
import { placeholdersOf } from './filled.ts';
import { JA } from './ja.ts';

describe('the dictionaries of the dashboard', () => {
  it('have the same keys with the same placeholders, and no empty text', () => {
    expect(Object.keys(JA)).toEqual(Object.keys(EN));
    for (const [key, text] of Object.entries(EN)) {
      const translated = JA[key as keyof typeof EN];
      expect(text.trim() + translated.trim()).not.toBe('');
      expect([key, placeholdersOf(translated)]).toEqual([key, placeholdersOf(text)]);
    }
  });

  it('name every reason of a signal, its meaning, every condition of an entry and of an exit, and every notification', () => {
    const needed = [
      ...Object.keys({ ...REASONS, ...INSTRUMENT_REASONS }).flatMap((reason) => [
        `reason.${reason}`,
        `meaning.${reason}`,
      ]),
      ...Object.keys(EVENTS).map((event) => `event.${event}`),
      ...[PAIR_RULE, DIRECTION_RULE, SERVED_RULE].flatMap(({ entries, exits }) =>
        [...entries, ...exits].map(({ name }) => `condition.${name}`),
      ),
      'condition.flat',
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
