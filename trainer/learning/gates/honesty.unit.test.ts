import { writtenGate } from '../../../test/written_gate.ts';
import { describe, expect, it } from 'vitest';
import type { PairEdge, Skill } from '../../../shared/bundle/manifest.ts';
import { checkDelayed } from './edge_with_columns_one_bar_later.ts';
import { checkPlausible } from './auc_plausible.ts';
import { checkSkill } from './skill.ts';

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
