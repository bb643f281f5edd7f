import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Holdout } from './counts_file.ts';
import { countTrials, trialsBefore, trialsOnSubject, type TrialKind } from './trial_ledger.ts';

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

describe('trials on a subject', () => {
  const subject = 'BTCUSDT@1h';
  const early: Holdout = { ...HOLDOUT, subject, from: '2023-01-01T00:00:00Z' };
  const late: Holdout = { ...HOLDOUT, subject, to: '2026-02-01T00:00:00Z', from: '2025-12-01T00:00:00Z' };
  const later: Holdout = { ...late, from: '2026-01-01T00:00:00Z' };
  const on = (work: string, holdout = late): number => trialsOnSubject(models, holdout, work);

  it('count wherever the holdout began, once for each work, and not those of others', () => {
    count('a', 40, 'evolution', { subject });
    count('b', 7, 'evolution', { subject: 'ETHUSDT@1h' });
    count('c', 9);
    expect([on('x'), on('x', later), on('a')]).toEqual([40, 40, 0]);
    countTrials(models, late, { kind: 'rule', work: 'x', trials: 1, before: 40 });
    count('d', 100, 'evolution', { subject });
    // As they were when the work was counted first.
    expect([on('x'), on('x', later)]).toEqual([40, 140]);
  });

  it('refuse a holdout that begins before the end of a search, but for a work that was counted there', () => {
    const refused = expect.objectContaining({ code: 'HOLDOUT_SEARCHED' }) as Error;
    countTrials(models, early, { kind: 'rule', work: 'first', trials: 1 });
    countTrials(models, late, { kind: 'rule', work: 'a', trials: 1 });
    expect(() => trialsOnSubject(models, early, 'x')).not.toThrow();
    count('b', 5, 'evolution', { subject });
    expect(() => trialsOnSubject(models, early, 'x')).toThrow(refused);
    expect(() => trialsOnSubject(models, early, 'first')).not.toThrow();
    expect(() => trialsOnSubject(models, late, 'x')).not.toThrow();
    expect(() => trialsOnSubject(models, { ...early, subject: 'ETHUSDT@1h' }, 'x')).not.toThrow();
  });
});
