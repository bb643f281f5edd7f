import { describe, expect, it } from 'vitest';
import { parseSubject } from '../pair.ts';
import { isModelSlot, isRuleSlot, MODEL_SLOTS, modelSlotOf, parseSlot, ruleSlot, subjectOfRule } from './slot.ts';
import {
  nameBeside,
  rolloutFields,
  slotOfRollout,
  slotOfTimeframe,
  targetIn,
  timeframeOfSlot,
} from './written_names.ts';

const RULES = ['BTCUSDT', 'BTCUSDT@1h', 'XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@1d'].map(ruleSlot);
const ALL = [...MODEL_SLOTS, ...RULES];

describe('a slot', () => {
  it('is read from its name alone', () => {
    expect(ALL.map((id) => parseSlot(id).id)).toEqual(ALL);
    expect(parseSlot('direction 1h')).toEqual({ id: 'direction 1h', strategy: 'direction', timeframe: '1h' });
    expect(parseSlot('rule BTCUSDT@1h')).toEqual({ id: 'rule BTCUSDT@1h', strategy: 'rule', subject: 'BTCUSDT@1h' });
    expect(ALL.map((id) => [isModelSlot(id), isRuleSlot(id)])).toEqual(
      ALL.map((id) => [parseSlot(id).strategy !== 'rule', parseSlot(id).strategy === 'rule']),
    );
  });

  it.each([
    '',
    'pair',
    'pairs ',
    'Pairs',
    'direction',
    'direction 7h',
    '1h',
    'challenger 1h',
    'rule',
    'rule 1h',
    'rule ..',
  ])('is not named by %j', (id) => {
    expect(() => parseSlot(id)).toThrow(RangeError);
    expect(isModelSlot(id)).toBe(false);
  });

  it('of models is that of a subject’s legs and timeframe', () => {
    const slots = ['XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@1h', 'BTCUSDT', 'BTCUSDT@1h'].map((id) =>
      modelSlotOf(parseSubject(id)),
    );
    expect(slots).toEqual(['pairs', 'pairs', 'direction 1m', 'direction 1h']);
  });

  it('of a rule names its subject; another has none', () => {
    expect(RULES.map(subjectOfRule)).toEqual(['BTCUSDT', 'BTCUSDT@1h', 'XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@1d']);
    for (const id of MODEL_SLOTS) expect(() => subjectOfRule(id)).toThrow(RangeError);
  });
});

describe('names in files, requests and reports', () => {
  it('lead back to the slot', () => {
    for (const id of MODEL_SLOTS) expect(slotOfTimeframe(timeframeOfSlot(id))).toBe(id);
    for (const id of ALL) expect(slotOfRollout(rolloutFields(id))).toBe(id);
    expect(slotOfTimeframe(undefined)).toBe('pairs');
  });

  it('are those of earlier versions, byte for byte', () => {
    const written = (['pairs', 'direction 1h', 'rule BTCUSDT@1h'] as const).map((id) => [
      JSON.stringify(rolloutFields(id)),
      nameBeside('challenger', id),
      nameBeside('shadow', id),
      targetIn(id, '20261101_0000'),
    ]);
    expect(written).toEqual([
      ['{}', 'challenger', 'shadow', '20261101_0000'],
      ['{"timeframe":"1h"}', 'challenger 1h', 'shadow 1h', 'direction 20261101_0000'],
      ['{"instrument":"BTCUSDT@1h"}', 'challenger BTCUSDT@1h', 'shadow BTCUSDT@1h', 'rule 20261101_0000'],
    ]);
  });
});
