import { describe, expect, it } from 'vitest';
import type { Compared, GateResult } from './criteria.ts';
import { ADOPTION_GATES, BUNDLE_GATES, checkAdoption, GATES, MODEL_GATES, type Comparison } from './gates.ts';

const golden: GateResult = { name: 'golden vectors', passed: true, seen: '', limit: '' };
const side = (version: string, auc: number): Compared => ({
  version,
  models: { ai1: { auc } },
  gate_off: { total: { net_sharpe: 1, trades: 50 } },
});
const namesOf = (comparison: Comparison | null): string[] =>
  checkAdoption({ golden, comparison }).map(({ name }) => name);

describe('the list of gates', () => {
  it('has each name once', () => {
    const names = GATES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(GATES).toHaveLength(BUNDLE_GATES.length + MODEL_GATES.length + ADOPTION_GATES.length);
  });

  it('says of every gate what it vetoes and what to do, in a sentence', () => {
    for (const { vetoes, next } of GATES) for (const text of [vetoes, next]) expect(text).toMatch(/^[A-Z].*\.$/);
  });

  it('refuses to go on without the result of a leakage test', () => {
    const { check } = BUNDLE_GATES.find(({ name }) => name === 'ai2 label ends')!;
    const other = { name: 'ai1 label ends', passed: true, seen: '', limit: '' };
    expect(() => check({ leakage: [other] } as never)).toThrow('no result of the leakage test ai2 label ends');
  });
});

describe('checkAdoption', () => {
  it('compares nothing with a bundle that does not load', () => {
    expect(namesOf(null)).toEqual(['golden vectors']);
  });

  it('has one result where there is no champion or too little to compare by, and two where both were compared', () => {
    const refusal = { name: 'champion', passed: false, seen: '3', limit: '50' };
    expect(checkAdoption({ golden, comparison: { kind: 'refused', result: refusal } })).toEqual([golden, refusal]);
    expect(namesOf({ kind: 'none', reason: 'there is none' })).toEqual(['golden vectors', 'champion']);
    const compared = { champion: side('v1', 0.6), challenger: side('v2', 0.5), since: '2024-01-02T00:00Z' };
    const [, rank, sharpe] = checkAdoption({ golden, comparison: { kind: 'compared', ...compared } });
    expect(rank).toMatchObject({ name: 'champion auc', passed: false });
    expect(rank!.seen).toMatch(/ since 2024-01-02T00:00Z$/);
    expect(sharpe).toMatchObject({ name: 'champion net sharpe', passed: true });
  });
});
