import { writtenGate } from '../../../test/written_gate.ts';
import { describe, expect, it } from 'vitest';
import type { PairEdge, Skill } from '../../../shared/bundle/manifest.ts';
import { checkDelayed } from './edge_with_columns_one_bar_later.ts';
import { isExplained } from '../../../shared/bundle/gates/gate_result.ts';
import { createRng } from '../../../shared/rng.ts';
import type { ValidationRows } from '../dataset/rows.ts';
import { auc } from '../measures/metrics.ts';
import { checkPlausible, ranksByPair } from './auc_plausible.ts';
import { checkSkill } from './skill.ts';

type RankedRows = Pick<ValidationRows, 'y' | 'time' | 'labelEnd' | 'pair'>;

const edge = (mean_net_bps: number, no_edge = false): PairEdge => ({
  no_edge,
  trades: 90,
  mean_gross_bps: mean_net_bps + 2,
  mean_net_bps,
  lower_5_net_bps: mean_net_bps - 1,
});
const skill = (lower_95: number | null): Skill => ({
  auc: 0.63,
  placebo_auc: 0.62,
  skill: 0.01,
  standard_error: 0.004,
  lower_95,
  draws: 4,
  days: 40,
});

describe('the gate of skill', () => {
  const claims = { A_B: edge(3), C_D: edge(-1, true) };

  it('asks a bundle that claims an edge for an AUC above its placebo at 95 %', () => {
    expect(checkSkill(skill(0.003), claims)).toMatchObject({ passed: true });
    expect(writtenGate(checkSkill(skill(-0.001), claims))).toMatchObject({
      passed: false,
      seen: '0.630 − 0.620 = 0.010 ± 0.004, at least -0.001 at 95 %; an edge of A_B',
    });
  });

  it('refuses an edge whose skill was not measured', () => {
    expect(checkSkill(null, claims)).toMatchObject({ passed: false });
    expect(checkSkill(skill(null), claims)).toMatchObject({ passed: false });
  });

  it('lets a bundle without an edge serve its probabilities', () => {
    expect(checkSkill(skill(-0.02), { A_B: edge(-3, true) })).toMatchObject({ passed: true });
    expect(checkSkill(null, {})).toMatchObject({ passed: true });
  });
});

describe('the gate of columns one bar later', () => {
  const delayed = (A_B: PairEdge) => ({ columns: ['corr'], edge: { A_B } });

  it('passes an edge of which half remains, and without columns from outside', () => {
    expect(checkDelayed({ A_B: edge(4) }, delayed(edge(2.1)))).toMatchObject({ passed: true });
    expect(writtenGate(checkDelayed({ A_B: edge(4) }, null))).toMatchObject({
      passed: true,
      seen: 'no columns from outside',
    });
  });

  it('fails where an edge is gone, naming the pair and the columns', () => {
    expect(writtenGate(checkDelayed({ A_B: edge(4) }, delayed(edge(1.9))))).toMatchObject({
      passed: false,
      seen: 'gone: A_B 4.00 → 1.90 bps; corr',
    });
    expect(checkDelayed({ A_B: edge(0.5) }, delayed(edge(-0.1)))).toMatchObject({ passed: false });
    // No trade is left of the pair, or it is not there at all.
    const idle: PairEdge = { ...edge(0), trades: 0, mean_net_bps: null, mean_gross_bps: null, lower_5_net_bps: null };
    expect(checkDelayed({ A_B: edge(4) }, delayed(idle))).toMatchObject({ passed: false, value: 0 });
    expect(checkDelayed({ A_B: edge(4) }, { columns: ['corr'], edge: {} })).toMatchObject({
      passed: false,
      evidence: { gone: ['A_B'] },
    });
  });
});

it('an AUC that no honest model reaches fails', () => {
  expect(checkPlausible('ai1', 0.72)).toMatchObject({ passed: true });
  expect(writtenGate(checkPlausible('ai1', 0.81)!)).toMatchObject({
    name: 'ai1 auc plausible',
    passed: false,
    limit: 'at most 0.8',
  });
  expect(checkPlausible('ai2', null)).toBeNull();
});

describe('an AUC of one pair alone', () => {
  const rng = createRng('one pair of ten');
  const ROWS = 1000;
  /** Ten pairs with labels that do not overlap, and what a model knows of the last pair's and of the others'. */
  function tenPairs(own: number, others: number): { rows: RankedRows; scores: Float64Array; ids: string[] } {
    const ids = Array.from({ length: 10 }, (_, pair) => `P${pair}_Q`);
    const pair = Int32Array.from({ length: 10 * ROWS }, (_, row) => Math.floor(row / ROWS));
    const time = Float64Array.from(pair, (_, row) => 3600 * (row % ROWS));
    const y = Float64Array.from(pair, () => (rng.uniform() < 0.4 ? 1 : 0));
    const scores = y.map((label, row) => label * (pair[row] === 9 ? own : others) + rng.normal());
    return { rows: { y, pair, time, labelEnd: time.map((at) => at + 3600) }, scores, ids };
  }
  const verdictOf = ({ rows, scores, ids }: ReturnType<typeof tenPairs>) =>
    checkPlausible('ai1', auc(scores, rows.y), ranksByPair(rows, scores, ids))!;

  it('fails beyond chance, and is named, where all together are within the limit', () => {
    const verdict = verdictOf(tenPairs(2.5, 0.4));
    expect(verdict).toMatchObject({ passed: false, evidence: { pair: 'P9_Q' } });
    expect(isExplained(verdict)).toBe(true);
    expect(verdict.value).toBeGreaterThan(0.9);
    expect(verdict.limit).toBeGreaterThan(0.83);
    expect(writtenGate(verdict).seen).toMatch(/^0\.9\d* of P9_Q alone, 0\.6\d* of all pairs$/);
  });

  it('passes at what honest models reach, and where so few independent rows may reach it by chance', () => {
    expect(verdictOf(tenPairs(0.8, 0.4))).toMatchObject({ passed: true, evidence: {} });
    const { rows, scores, ids } = tenPairs(2.5, 0.4);
    // Labels that all end with the last row are worth hardly more than one.
    const overlapping = { ...rows, labelEnd: rows.time.map(() => 3600 * ROWS) };
    expect(verdictOf({ rows: overlapping, scores, ids })).toMatchObject({ passed: true });
  });
});
