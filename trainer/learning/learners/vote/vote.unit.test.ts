import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { fitAllRows, type FitRequest } from '../contract/learner.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { hasTrees, openLearner, partsOf } from '../registry.ts';
import { runFit } from '../trees/fit.ts';
import { ensembleParameters } from '../mixture/ensemble_parameters.ts';
import { mixtureOf } from '../mixture/fitted_mixture.ts';
import { voteWeights } from './vote_weights.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';

const ROWS = 3000;
const PARAMETERS = { ...SMALL_TREES, rounds: 30 };

/** A label that a line predicts well, from a column that hides it from constants. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * 2 }, () => rng.normal());
  const time = Float64Array.from({ length: ROWS }, (_, row) => 60 * row);
  return {
    x: { rows: ROWS, columns: 2, values },
    y: Float64Array.from({ length: ROWS }, (_, row) => (2 * values[2 * row]! + rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 120),
    weights: new Float64Array(ROWS).fill(1),
  };
}

const open = (...voteMembers: string[]) =>
  openLearner('vote', {
    parameters: PARAMETERS,
    fitTrees: runFit,
    ensembles: { ...ensembleParameters({}), voteMembers },
    columnNames: [],
    network: networkParameters(undefined, 'ai1'),
  });

function requestOf(rows: FitRows): FitRequest {
  return {
    task: { kind: 'binary' },
    rows,
    subset: Int32Array.from(rows.y.keys()),
    columns: null,
    budget: { kind: 'early_stopping', stopping: null },
    seed: 'vote',
    continueFrom: null,
  };
}

describe('voteWeights', () => {
  const rng = createRng('weights');
  const labels = Float64Array.from({ length: 500 }, () => rng.integer(2));
  const weights = new Float64Array(500).fill(1);
  const sure = labels.map((label) => (label === 1 ? 0.8 : 0.2));
  const coin = labels.map(() => 0.5);

  it('goes halfway from equal weights to the best mixture', () => {
    // The sure member is better on every row, so the best mixture is that member alone.
    const found = voteWeights({ width: 1, answers: [coin, sure, coin], labels, weights });
    expect(found[1]).toBeCloseTo(1 / 6 + 1 / 2, 3);
    expect(found[0]).toBeCloseTo(1 / 6, 3);
    expect(found.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it('keeps equal weights for equal answers, and for rows without weight', () => {
    for (const own of [weights, new Float64Array(500)])
      for (const weight of voteWeights({ width: 1, answers: [coin, coin], labels, weights: own }))
        expect(weight).toBe(0.5);
  });

  it('counts a soft label for both classes, and a row by its weight', () => {
    const soft = new Float64Array(500).fill(0.5);
    expect(voteWeights({ width: 1, answers: [coin, sure], labels: soft, weights })[0]).toBeGreaterThan(0.7);
    const half = weights.map((_, row) => (row < 250 ? 1 : 0));
    const wrongLater = sure.map((p, row) => (row < 250 ? p : 1 - p));
    expect(voteWeights({ width: 1, answers: [coin, wrongLater], labels, weights: half })[1]).toBeGreaterThan(0.7);
    expect(voteWeights({ width: 1, answers: [coin, wrongLater], labels, weights })[1]).toBeLessThan(0.7);
  });
});

describe('a vote', () => {
  it('weighs its members by rows that none of them has learned from', async () => {
    const rows = rowsOf('unseen');
    const fitted = mixtureOf(await open('prior', 'logistic').fit(requestOf(rows)));
    expect(fitted.members.map(({ learner }) => learner)).toEqual(['prior', 'logistic']);
    expect(fitted.weights[1]).toBeGreaterThan(0.7);
    // Labels of the last part of the time that contradict the rest: what a line learned before is wrong there.
    const { train, stopping } = splitOffTheEnd(rows, requestOf(rows).subset)!;
    const turned = rows.y.slice();
    for (const row of stopping) turned[row] = 1 - turned[row]!;
    const misled = mixtureOf(await open('prior', 'logistic').fit(requestOf({ ...rows, y: turned })));
    expect(misled.weights[1]).toBeLessThan(0.3);
    const alone = await openLearner('logistic', {
      parameters: PARAMETERS,
      fitTrees: runFit,
      ensembles: ensembleParameters({}),
      columnNames: [],
      network: networkParameters(undefined, 'ai1'),
    }).fit({ ...requestOf(rows), subset: train });
    expect(misled.members[1]!.answers(rows.x)).toEqual(alone.answers(rows.x));
  });

  it('learns all rows with the weights and the trees that it has found out', async () => {
    const rows = rowsOf('all');
    const learner = open('gbdt', 'logistic');
    const first = mixtureOf(await learner.fit(requestOf(rows)));
    const { budget: _, ...request } = requestOf(rows);
    const all = mixtureOf(await fitAllRows(learner, request));
    expect(all.weights).toEqual(first.weights);
    expect(all.iterations).toBe(first.iterations);
    expect(all.members[1]!.answers(rows.x)).not.toEqual(first.members[1]!.answers(rows.x));
  });

  it('is the mean of its members by their weights, and weighs them alike where rows are few', async () => {
    const rows = rowsOf('few');
    const subset = Int32Array.from({ length: 400 }, (_, row) => row);
    const fitted = mixtureOf(await open('gbdt', 'logistic').fit({ ...requestOf(rows), subset }));
    expect([...fitted.weights]).toEqual([0.5, 0.5]);
    const [a, b] = fitted.members.map((member) => member.answers(rows.x));
    fitted.answers(rows.x).forEach((p, row) => expect(p).toBe(Math.fround((a![row]! + b![row]!) / 2)));
  });

  it('consists of its members, any other learner of itself', () => {
    expect(partsOf('vote', ensembleParameters({ vote_members: ['gbdt', 'logistic'] }))).toEqual(['gbdt', 'logistic']);
    expect(partsOf('gbdt', ensembleParameters({}))).toEqual(['gbdt']);
    expect(hasTrees({ engine: 'vote', vote_members: ['gbdt', 'logistic'] })).toBe(true);
    expect(hasTrees({ engine: 'logistic' })).toBe(false);
  });
});
