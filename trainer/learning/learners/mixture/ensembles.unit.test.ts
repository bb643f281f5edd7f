import { describe, expect, it } from 'vitest';
import { decodeTreeGraph } from '../../../../shared/bundle/onnx/tree_graph.ts';
import { createRng } from '../../../../shared/rng.ts';
import { blockBootstrap } from '../bagging/bagging.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { fitAllRows, type FitRequest, type Learner } from '../contract/learner.ts';
import type { Fitted } from '../contract/fitted.ts';
import { memberText } from '../../bundle/member_text.ts';
import { memberReports } from './member_reports.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { openLearner, partsOf, treeFitsOf } from '../registry.ts';
import { laterBlocks, logisticMeta } from '../stacking/stacking.ts';
import { greedyWeights } from '../stacking/greedy_weights.ts';
import { runFit } from '../trees/fit.ts';
import { treesOf } from '../trees/fitted_trees.ts';
import { ensembleParameters } from './ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from './fitted_mixture.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';

const ROWS = 3000;
const DAY = 86_400;
const PARAMETERS = { ...SMALL_TREES, rounds: 20 };
type Configured = Parameters<typeof ensembleParameters>[0];

/** A label that a line predicts well. 300 rows a day. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: ROWS * 2 }, () => rng.normal());
  const time = Float64Array.from({ length: ROWS }, (_, row) => row * (DAY / 300));
  return {
    x: { rows: ROWS, columns: 2, values },
    y: Float64Array.from({ length: ROWS }, (_, row) => (2 * values[2 * row]! + rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(ROWS).fill(1),
  };
}

const rows = rowsOf('rows');
const all = Int32Array.from(rows.y.keys());

function open(engine: string, configured: Configured): Learner {
  return openLearner(engine, {
    parameters: PARAMETERS,
    fitTrees: runFit,
    ensembles: ensembleParameters(configured),
    columnNames: [],
    network: networkParameters(undefined, 'ai1'),
  });
}

const request: FitRequest = {
  task: { kind: 'binary' },
  rows,
  subset: all,
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'ensemble',
  continueFrom: null,
};

describe('memberReports', () => {
  it('state the members and weights of an ensemble, calibrated too, and of nothing else', async () => {
    const members = ['gbdt', 'logistic'];
    const fit = (engine: string): Promise<Fitted> => open(engine, { vote_members: ['gbdt', 'logistic'] }).fit(request);
    const voted = await fit('vote');
    const report = memberReports(voted)!;
    expect(report.map(({ learner }) => learner)).toEqual(members);
    expect(report.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 5);
    expect(report.every(({ weight }) => weight > 0 && weight < 1)).toBe(true);
    expect(memberReports(voted.withMargins({ slope: [0.5], intercept: [0.1] }))).toEqual(report);
    const bag = memberReports(await fit('bagging'))!;
    expect(memberText(bag)).toBe('10 × gbdt 0.100');
    expect(memberText(report)).toMatch(/^gbdt 0\.\d{3}, logistic 0\.\d{3}$/);
    expect(memberReports(await fit('gbdt'))).toBeUndefined();
  });
});

describe('blockBootstrap', () => {
  it('draws whole days with replacement, and counts a row as often as its day was drawn', () => {
    const drawn = blockBootstrap({ ...rows, time: rows.time.map((at) => at * 20) }, all, { fraction: 1, seed: 'a' });
    const perDay = new Map<number, Set<number>>();
    for (const row of all) {
      const day = Math.floor((rows.time[row]! * 20) / DAY);
      perDay.set(day, (perDay.get(day) ?? new Set()).add(drawn.rows.weights[row]!));
    }
    expect([...perDay.values()].every((weights) => weights.size === 1)).toBe(true);
    const counts = [...perDay.values()].map(([count]) => count!);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(perDay.size);
    expect(counts.some((count) => count === 0) && counts.some((count) => count > 1)).toBe(true);
    expect([...drawn.subset]).toEqual([...all].filter((row) => drawn.rows.weights[row]! > 0));
  });

  it('draws a share of the blocks, never outside the subset', () => {
    const subset = all.subarray(0, 2000);
    const { rows: own, subset: drawn } = blockBootstrap(rows, subset, { fraction: 0.2, seed: 'b' });
    expect(drawn.length).toBeGreaterThan(200);
    expect(drawn.length).toBeLessThan(500);
    expect(drawn.at(-1)).toBeLessThan(2000);
    expect(own.weights.subarray(2000)).toEqual(rows.weights.subarray(2000));
  });
});

describe('a bag', () => {
  it('of boosted trees is the mean of their logits, one model of trees for the kernel', async () => {
    const bag = mixtureOf(await open('bagging', { bagging: { members: 3 } }).fit(request));
    expect(bag.members).toHaveLength(3);
    const { ensemble, link, metadata } = decodeTreeGraph(bag.toOnnx({ metadata: {} }));
    expect([ensemble.trees.length, link]).toEqual([bag.iterations, 'sigmoid']);
    expect(metadata['members']).toBe('gbdt gbdt gbdt');
    const margins = bag.members.map((member) => member.openMargins()(rows.x)[0]!);
    const own = bag.openMargins()(rows.x)[0]!;
    for (let row = 0; row < ROWS; row += 37)
      expect(own[row]).toBeCloseTo(margins.reduce((sum, of) => sum + of[row]!, 0) / 3, 5);
    expect(margins[0]).not.toEqual(margins[1]);
  });

  it('has its members in turn, as many as configured, and another draw with a seed of its own', async () => {
    const parts = partsOf('bagging', ensembleParameters({ bagging: { members: 3, mixed: ['gbdt', 'logistic'] } }));
    expect(parts).toEqual(['gbdt', 'logistic', 'gbdt']);
    const plain = await open('bagging', { bagging: { members: 2, base: 'logistic' } }).fit(request);
    const seeded = await open('bagging', { bagging: { members: 2, base: 'logistic', seed: 9 } }).fit(request);
    expect(mixtureOf(plain).of).toBe('probability');
    expect(seeded.answers(rows.x)).not.toEqual(plain.answers(rows.x));
  });

  it('learns all rows with as many trees as each member had', async () => {
    const { budget, ...others } = request;
    const learner = open('bagging', { bagging: { members: 2 } });
    const first = mixtureOf(await learner.fit({ ...others, budget }));
    const whole = mixtureOf(await fitAllRows(learner, others));
    expect(whole.members.map(({ iterations }) => iterations)).toEqual(
      first.members.map(({ iterations }) => iterations),
    );
    expect(whole.answers(rows.x)).not.toEqual(first.answers(rows.x));
  });
});

describe('laterBlocks', () => {
  it('never learns from a row whose label was not known when the block began', () => {
    const blocks = laterBlocks(rows, all, 3)!;
    expect(blocks).toHaveLength(3);
    for (const { before, block } of blocks) {
      const begin = rows.time[block[0]!]!;
      const known = before.reduce((most, row) => Math.max(most, rows.labelEnd[row]!), -Infinity);
      expect(known).toBeLessThan(begin);
      // Purged: at least one row whose time is before the block is left out.
      expect(before.at(-1)! + 1).toBeLessThan(block[0]!);
    }
    expect(blocks.map(({ block }) => block.length)).toEqual([750, 750, 750]);
    expect(laterBlocks(rows, all.subarray(0, 500), 3)).toBeNull();
  });
});

describe('greedyWeights', () => {
  const labels = Float64Array.from({ length: 400 }, (_, row) => row % 2);
  const weights = new Float64Array(400).fill(1);
  const sure = labels.map((label) => (label === 1 ? 0.8 : 0.2));
  const coin = labels.map(() => 0.5);

  it.each([true, false])('go halfway from equal ones to the best mean (of probabilities: %s)', (probabilities) => {
    const found = greedyWeights({ width: 1, answers: [coin, sure, coin], labels, weights }, probabilities);
    expect(found[1]).toBeCloseTo(1 / 6 + 1 / 2, 12);
    expect(found.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it('combine members that are right on different rows, and count rows by their weight', () => {
    const early = labels.map((label, row) => (row < 200 ? (label === 1 ? 0.8 : 0.2) : 0.5));
    const late = labels.map((label, row) => (row >= 200 ? (label === 1 ? 0.8 : 0.2) : 0.5));
    const both = greedyWeights({ width: 1, answers: [early, late], labels, weights }, true);
    expect(both[0]).toBeCloseTo(0.5, 1);
    const ofEarly = greedyWeights(
      { width: 1, answers: [early, late], labels, weights: weights.map((_, row) => (row < 200 ? 1 : 0)) },
      true,
    );
    expect(ofEarly[0]).toBe(0.75);
  });
});

describe('logisticMeta', () => {
  it('is a regression on the answers themselves', () => {
    const labels = Float64Array.from({ length: 1000 }, (_, row) => (row % 10 < 7 ? 1 : 0));
    const answers = [
      labels.map((_, row) => 0.3 + 0.001 * (row % 400)),
      labels.map((label) => (label === 1 ? 0.6 : 0.4)),
    ];
    const { weights, intercept, of } = logisticMeta({ width: 1, answers, labels, weights: labels.map(() => 1) }, true);
    expect(of).toBe('probability');
    const margin = (row: number): number =>
      intercept![0]! + weights[0]! * answers[0]![row]! + weights[1]! * answers[1]![row]!;
    expect(margin(0)).toBeGreaterThan(3);
    expect(margin(9)).toBeLessThan(-3);
  });
});

describe('a stack', () => {
  it('learns its weights from answers to later rows alone', async () => {
    const stack = mixtureOf(
      await open('stacking', { stacking: { members: ['random_forest', 'logistic'] } }).fit(request),
    );
    expect(stack.weights[1]).toBeGreaterThan(0.6);
    // Answers to rows after the first part are all that the weights come from: with these turned around, what is
    // learned from the first part is worth less than a coin.
    const first = rows.time[750]!;
    const turned = { ...rows, y: rows.y.map((label, row) => (rows.time[row]! >= first ? 1 - label : label)) };
    const misled = mixtureOf(
      await open('stacking', { stacking: { members: ['random_forest', 'logistic'], folds: 1 } }).fit({
        ...request,
        rows: turned,
        subset: all.subarray(0, 1500),
      }),
    );
    expect(misled.weights[1]).toBeLessThan(0.5);
  });

  it('of logits of boosted trees is one model of trees, by either meta-learner', async () => {
    for (const meta of ['greedy', 'logistic'] as const) {
      const learner = open('stacking', { stacking: { members: ['gbdt', 'gbdt'], meta, probabilities: false } });
      const stack = mixtureOf(await learner.fit(request));
      expect(() => decodeTreeGraph(stack.toOnnx({ metadata: {} }))).not.toThrow();
      expect(treesOf(stack).ensembles[0]!.trees).toHaveLength(stack.iterations!);
      expect(stack.of).toBe('logit');
      const again = mixtureOf(await learner.fit({ ...request, budget: { kind: 'like', model: stack } }));
      expect([again.weights, again.intercept]).toEqual([stack.weights, stack.intercept]);
    }
  });

  it('weighs its members alike where rows are few', async () => {
    const few = { ...request, subset: all.subarray(0, 500) };
    const stack = mixtureOf(await open('stacking', { stacking: { members: ['gbdt', 'logistic'] } }).fit(few));
    expect([...stack.weights]).toEqual([0.5, 0.5]);
    expect(stack.intercept).toBeNull();
  });
});

it('counts the fits of trees behind one model', () => {
  expect(treeFitsOf({ engine: 'bagging', bagging: { members: 4 } })).toBe(4);
  expect(treeFitsOf({ engine: 'stacking', stacking: { members: ['gbdt', 'logistic'], folds: 2 } })).toBe(3);
  expect(treeFitsOf({ engine: 'bagging', bagging: { base: 'logistic' } })).toBe(1);
});

describe('a mean of probabilities', () => {
  /** A model whose answers to a row are always these. */
  const constant = (answers: readonly number[]): Fitted => {
    const all = () => Float64Array.from(answers);
    return {
      learner: 'constant',
      columns: 1,
      width: answers.length,
      answers: all,
      exactAnswers: all,
    } as unknown as Fitted;
  };
  const x = { rows: 1, columns: 1, values: new Float32Array(1) };

  it.each([[[1]], [[1, 0, 0]]])(
    'of members that all answer %j is that, though rounded weights sum to more',
    (answers) => {
      const members = Array.from({ length: 7 }, () => constant(answers));
      const weights = new Float64Array(7).fill(1 / 7);
      const model = fittedMixture({ learner: 'bagging', members, weights, of: 'probability', intercept: null });
      // A float32 seventh is more than one.
      expect(7 * Math.fround(1 / 7)).toBeGreaterThan(1);
      expect(Array.from(model.exactAnswers(x))).toEqual(answers);
      expect(Array.from(model.answers(x))).toEqual(answers);
    },
  );
});
