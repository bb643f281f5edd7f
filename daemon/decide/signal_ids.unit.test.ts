import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { parsePair } from '../../shared/pair.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import { heartbeatId, signalId, SignalIds } from './signal_ids.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map(parsePair);
const POLICY = 'policy';
const modelsOf = (modelsHash: string): ModelSet => ({ modelsHash }) as ModelSet;
const at = (minute: number): OpenTime => (minute * 60) as OpenTime;
const minuteOf = (pairIndex: number, minute: number, outcome: AnsweredMinute['outcome'] = 'COMPLETE'): AnsweredMinute =>
  ({ pairIndex, time: at(minute), outcome }) as AnsweredMinute;

describe('SignalIds', () => {
  it('gives a minute the id of its pair, bar, models and policy, computed before or not', () => {
    const ids = new SignalIds(PAIRS, POLICY);
    const expected = (pairIndex: number, minute: number, models: string): string =>
      signalId(PAIRS[pairIndex]!.id, at(minute), models, POLICY);
    expect(ids.idOf(minuteOf(0, 1), modelsOf('m'))).toBe(expected(0, 1, 'm'));
    expect(ids.idOf(minuteOf(1, 1), null)).toBe(expected(1, 1, 'none'));
    ids.precompute(minuteOf(0, 1), modelsOf('m'));
    expect(ids.idOf(minuteOf(0, 2), modelsOf('m'))).toBe(expected(0, 2, 'm'));
    // Other models were swapped in meanwhile, a minute was left out, or the same one is requested again.
    expect(ids.idOf(minuteOf(0, 2), modelsOf('n'))).toBe(expected(0, 2, 'n'));
    expect(ids.idOf(minuteOf(0, 2), null)).toBe(expected(0, 2, 'none'));
    expect(ids.idOf(minuteOf(0, 3), modelsOf('m'))).toBe(expected(0, 3, 'm'));
    expect(ids.idOf(minuteOf(0, 1), modelsOf('m'))).toBe(expected(0, 1, 'm'));
    expect(ids.idOf(minuteOf(1, 2), modelsOf('m'))).toBe(expected(1, 2, 'm'));
  });

  it('names another policy from then on, also where an id was computed ahead', () => {
    const ids = new SignalIds(PAIRS, POLICY);
    for (const pairIndex of [0, 1]) ids.precompute(minuteOf(pairIndex, 1), modelsOf('m'));
    ids.setPolicy('other');
    PAIRS.forEach(({ id }, pairIndex) =>
      expect(ids.idOf(minuteOf(pairIndex, 2), modelsOf('m'))).toBe(signalId(id, at(2), 'm', 'other')),
    );
    const beat = minuteOf(0, 2, 'SILENCE');
    expect(ids.idOf(beat, null)).toBe(heartbeatId(PAIRS[0]!.id, at(2), 'silence', 0, 'none', 'other'));
  });

  it('numbers the heartbeats of each pair since its last minute, by their reason', () => {
    const ids = new SignalIds(PAIRS, POLICY);
    const beat = (pairIndex: number, outcome: 'SILENCE' | 'SHUTDOWN'): string => {
      const minute = minuteOf(pairIndex, 5, outcome);
      ids.note(minute);
      return ids.idOf(minute, modelsOf('m'));
    };
    const expected = (pairIndex: number, kind: 'silence' | 'shutdown', heartbeat: number): string =>
      heartbeatId(PAIRS[pairIndex]!.id, at(5), kind, heartbeat, 'm', POLICY);
    ids.note(minuteOf(0, 5));
    ids.precompute(minuteOf(0, 4), modelsOf('m'));
    expect([beat(0, 'SILENCE'), beat(0, 'SILENCE'), beat(1, 'SILENCE'), beat(0, 'SHUTDOWN')]).toEqual([
      expected(0, 'silence', 1),
      expected(0, 'silence', 2),
      expected(1, 'silence', 1),
      expected(0, 'shutdown', 3),
    ]);
    ids.note(minuteOf(0, 5, 'LEG_MISSING'));
    expect(beat(0, 'SILENCE')).toBe(expected(0, 'silence', 1));
    expect(ids.idOf(minuteOf(0, 5, 'SILENCE'), null)).toBe(
      heartbeatId(PAIRS[0]!.id, at(5), 'silence', 1, 'none', POLICY),
    );
  });
});

it('the id of a signal depends on pair, bar, models and policy', () => {
  const ids = [
    signalId('A_B', 60 as OpenTime, 'm', 'p'),
    signalId('A_C', 60 as OpenTime, 'm', 'p'),
    signalId('A_B', 120 as OpenTime, 'm', 'p'),
    signalId('A_B', 60 as OpenTime, 'n', 'p'),
    signalId('A_B', 60 as OpenTime, 'm', 'q'),
  ];
  expect(new Set(ids).size).toBe(5);
  const heartbeats = [1, 2, 3].map((n) => heartbeatId('A_B', 60 as OpenTime, 'silence', n, 'm', 'p'));
  expect(new Set([...ids, ...heartbeats]).size).toBe(8);
  expect(signalId('A_B', 60 as OpenTime, 'm', 'p')).toBe(ids[0]);
  for (const one of [...ids, ...heartbeats]) expect(one).toMatch(/^[0-9a-f]{32}$/);
});
