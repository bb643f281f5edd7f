import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countTrials, trialsBefore, type TrialKind } from './trial_ledger.ts';

const HOLDOUT = { market: 'live', from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' } as const;

let models: string;
beforeEach(() => (models = mkdtempSync(join(tmpdir(), 'minutehand-trials-'))));
afterEach(() => rmSync(models, { recursive: true, force: true }));

const count = (work: string, trials: number, kind: TrialKind = 'training', holdout: object = {}): number =>
  countTrials(models, { ...HOLDOUT, ...holdout }, { kind, work, trials });
const before = (work: string, holdout: object = {}): number => trialsBefore(models, { ...HOLDOUT, ...holdout }, work);

describe('trials before a holdout', () => {
  it('add up over works of every kind, in a file that outlives the process', () => {
    expect(before('a')).toBe(0);
    expect(count('a', 40)).toBe(40);
    expect(count('b', 3, 'league')).toBe(43);
    expect(count('c', 100, 'evolution')).toBe(143);
    expect(before('d')).toBe(143);
  });

  it('are those of the first time where a work is done again, so that its figures are the same', () => {
    count('a', 40);
    count('b', 3);
    expect([before('a'), before('b')]).toEqual([0, 40]);
    expect([count('a', 40), count('b', 3)]).toEqual([40, 43]);
    // A search that went on after it was stopped has tried more.
    expect(count('b', 10)).toBe(50);
    expect(before('c')).toBe(50);
  });

  it('count where the holdout has moved by a little, and begin anew with a later one, another market or subject', () => {
    count('a', 40);
    expect(before('b', { to: '2024-02-02T00:00:00Z' })).toBe(40);
    expect(before('b', { from: '2024-01-20T00:00:00Z', to: '2024-02-20T00:00:00Z' })).toBe(0);
    expect(before('b', { market: 'simulated' })).toBe(0);
    expect(before('b', { subject: 'BTCUSDT@1h' })).toBe(0);
    expect(count('b', 5, 'rule', { subject: 'BTCUSDT@1h' })).toBe(5);
    expect(before('c', { subject: 'BTCUSDT@1h' })).toBe(5);
    expect(before('c')).toBe(40);
  });

  it('are not lost with a damaged file', () => {
    writeFileSync(join(models, 'trials.json'), '{"live":');
    expect(() => count('a', 1)).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }) as Error);
    expect(() => before('a')).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }) as Error);
  });
});
