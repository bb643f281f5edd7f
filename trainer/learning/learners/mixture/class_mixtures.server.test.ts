import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import { decodeTreeModel } from '../../../../shared/bundle/onnx/tree_graph.ts';
import type { Matrix, TreeModel } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { openOwnModel, readOwnModel } from '../../../../shared/bundle/own_model.ts';
import { randomEnsemble, randomRows } from '../../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import { createRng } from '../../../../shared/rng.ts';
import { withClassMargins } from '../contract/class_margins.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Fitted, MarginScaling } from '../contract/fitted.ts';
import type { FitRequest, Learner } from '../contract/learner.ts';
import { multiclassLogLoss } from '../../measures/multiclass.ts';
import { barsPerRow } from '../contract/past_rows.ts';
import { fittedMultinomial } from '../linear/multinomial_model.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { onLastBar } from '../onnx/last_bar.fixture.ts';
import { learnerNamed, openLearner } from '../registry.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';
import { runFit } from '../trees/fit.ts';
import { fittedTrees, isTrees } from '../trees/fitted_trees.ts';
import { ensembleParameters, type EnsembleParameters } from './ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from './fitted_mixture.ts';
import type { Mixture } from './mixture.ts';

const COLUMNS = 5;
const ROWS = 60;
/** Of onnxruntime. */
const TOLERANCE = 1e-6;

function matrixOf(seed: string): Matrix {
  return { rows: ROWS, columns: COLUMNS, values: randomRows(createRng(seed), ROWS, COLUMNS, 0.1) };
}

/** Boosted trees, a forest or a multinomial regression that has learned nothing: all of its numbers are random. */
function randomMember(kind: 'boosted' | 'forest' | 'linear', classes: number, seed: string): Fitted {
  const rng = createRng(seed);
  if (kind === 'linear') {
    const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => rng.normal());
    return fittedMultinomial('logistic', {
      width: COLUMNS,
      columns: [0, 2, 3],
      scaling: { mean: numbers(3).map(Math.fround), inverse: numbers(3).map((x) => Math.fround(Math.abs(x))) },
      coefficients: Array.from({ length: classes }, () => numbers(4)),
    });
  }
  const ensembles = Array.from({ length: classes }, (_, k) =>
    randomEnsemble({ trees: 1 + rng.integer(20), leaves: 7, columns: COLUMNS, seed: `${seed}/${k}` }),
  );
  if (kind === 'boosted') return fittedTrees('gbdt', { link: 'softmax', ensembles });
  return withClassMargins(fittedTrees('random_forest', sharesOf(ensembles)));
}

/** One tree for each class, whose leaves sum to one at each row. */
function sharesOf(ensembles: TreeModel['ensembles']): TreeModel {
  const [{ trees }] = ensembles as [TreeModel['ensembles'][number]];
  const [tree] = trees as [(typeof trees)[number]];
  const rng = createRng('shares');
  const own = Array.from(tree.value, () => ensembles.map(() => rng.uniform() ** 4));
  return {
    link: 'identity',
    ensembles: ensembles.map(({ columns }, k) => ({
      columns,
      baseScore: 0,
      trees: [
        {
          ...tree,
          value: tree.value.map((_, node) =>
            tree.feature[node]! >= 0 ? 0 : own[node]![k]! / own[node]!.reduce((sum, share) => sum + share, 0),
          ),
        },
      ],
    })),
  };
}

function softmaxOf(margins: readonly number[]): number[] {
  const greatest = Math.max(...margins);
  const e = margins.map((margin) => Math.exp(margin - greatest));
  const sum = e.reduce((all, own) => all + own, 0);
  return e.map((own) => own / sum);
}

const inside = (p: number): number => Math.log(Math.min(Math.max(p, 2 ** -20), 1));

/**
 * What a mixture answers to one row, by its definition.
 * @param said by each member of the classes: what is weighed
 */
function oracle(
  { weights, intercept }: Pick<Mixture, 'weights' | 'intercept'>,
  said: readonly (readonly number[])[],
  scalings: readonly MarginScaling[],
): number[] {
  const weighed = said[0]!.map((_, k) =>
    said.reduce((sum, own, i) => sum + weights[i]! * own[k]!, intercept?.[k] ?? 0),
  );
  if (intercept === null && scalings.length === 0) return weighed;
  const margins = intercept === null ? weighed.map(inside) : weighed;
  return softmaxOf(
    scalings.reduce((own, by) => own.map((margin, k) => by.slope[k]! * margin + by.intercept[k]!), margins),
  );
}

const byRow = (answers: ArrayLike<number>, classes: number): number[][] =>
  Array.from({ length: answers.length / classes }, (_, row) =>
    Array.from({ length: classes }, (__, k) => answers[row * classes + k]!),
  );

/** [classes][rows] as [rows × classes]. */
function turned(margins: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from({ length: margins.length * ROWS }, (_, at) => {
    const own = margins[at % margins.length]!;
    return own[Math.floor(at / margins.length)]!;
  });
}

const kinds = fc.array(fc.constantFrom('boosted', 'forest', 'linear'), { minLength: 1, maxLength: 4 });
const mixtures = fc
  .record({
    classes: fc.integer({ min: 2, max: 4 }),
    kinds,
    of: fc.constantFrom('probability', 'logit'),
    isMargin: fc.boolean(),
    calibrations: fc.integer({ min: 0, max: 2 }),
    seed: fc.string(),
  })
  // A mean of logits is a margin.
  .filter(({ of, isMargin }) => isMargin || of === 'probability');

describe('a mixture of models of classes', () => {
  it('answers as its definition says, in onnxruntime and by our own code', async () => {
    await fc.assert(
      fc.asyncProperty(mixtures, async ({ classes, kinds: own, of, isMargin, calibrations, seed }) => {
        const rng = createRng(seed);
        const members = own.map((kind, i) => randomMember(kind, classes, `${seed}/${i}`));
        const drawn = members.map(() => 0.1 + rng.uniform());
        const total = drawn.reduce((sum, weight) => sum + weight, 0);
        const weights = Float64Array.from(drawn, (weight) => Math.fround(weight / total));
        const draw = (by: () => number): number[] => Array.from({ length: classes }, () => Math.fround(by()));
        const how = { weights, of, intercept: isMargin ? draw(() => rng.normal()) : null };
        const scalings = Array.from({ length: calibrations }, () => ({
          slope: draw(() => 0.3 + rng.uniform()),
          intercept: draw(() => rng.normal()),
        }));
        const mixture = fittedMixture({ learner: 'stacking', members, ...how });
        const model = scalings.reduce((found: Fitted, by) => found.withMargins(by), mixture);
        expect([model.link, model.width, model.learner]).toEqual(['softmax', classes, 'stacking']);

        const x = matrixOf(seed);
        // The margins of boosted trees are not the logarithms of their probabilities: each row has a constant more.
        const areMargins = of === 'logit' && own.every((kind) => kind === 'boosted');
        const said = members.map((member) => {
          if (areMargins) return byRow(turned(member.openMargins()(x)), classes);
          const p = member.exactAnswers(x);
          return byRow(of === 'logit' ? p.map(inside) : p, classes);
        });
        const exact = byRow(model.exactAnswers(x), classes);
        const margins = model.openMargins()(x);
        for (let row = 0; row < ROWS; row++) {
          const expected = oracle(
            how,
            said.map((answers) => answers[row]!),
            scalings,
          );
          const ofMargins = softmaxOf(margins.map((margin) => margin[row]!));
          expected.forEach((p, k) => {
            // Weights, leaves and coefficients are rounded to float32 in the model.
            expect(Math.abs(exact[row]![k]! - p)).toBeLessThan(3e-6);
            expect(Math.abs(ofMargins[k]! - p)).toBeLessThan(1e-5);
          });
        }
        const bytes = model.toOnnx({ metadata: {} });
        const { values, width } = await onnxAnswers(bytes, x);
        expect(width).toBe(classes);
        const answers = model.answers(x);
        const read = readOwnModel(bytes);
        expect(read.width).toBe(classes);
        const served = openOwnModel(read.model, ROWS)(x.values, ROWS);
        for (let i = 0; i < ROWS * classes; i++) {
          expect(Math.abs(served[i]! - values[i]!)).toBeLessThanOrEqual(TOLERANCE);
          // Trees alone have a scorer of their own in the daemon, which sums in float32.
          if (isTrees(model)) expect(Math.abs(answers[i]! - values[i]!)).toBeLessThanOrEqual(1e-5);
          else expect(answers[i]).toBe(served[i]);
        }
      }),
      { numRuns: 120 },
    );
  });

  it('answers the classes in another order where those of its members stand in another order', () => {
    const order = [2, 0, 1];
    const scaling = { slope: [0.5, 1, 2], intercept: [0.2, -0.4, 0] };
    const permuted = (numbers: readonly number[]): number[] => order.map((k) => numbers[k]!);
    for (const of of ['probability', 'logit'] as const)
      for (const intercept of of === 'logit' ? [[0.3, -0.1, 0.2]] : [null, [0.3, -0.1, 0.2]]) {
        const boosted = randomMember('boosted', 3, 'order') as Fitted & { trees: TreeModel };
        const forest = randomMember('forest', 3, 'order') as Fitted & { trees: TreeModel };
        const inOrder = ({ trees, learner }: typeof boosted): Fitted => {
          const model = fittedTrees(learner, { ...trees, ensembles: order.map((k) => trees.ensembles[k]!) });
          return trees.link === 'identity' ? withClassMargins(model) : model;
        };
        const common = { learner: 'vote', weights: Float64Array.of(0.25, 0.75), of };
        const one = fittedMixture({ ...common, members: [boosted, forest], intercept }).withMargins(scaling);
        const other = fittedMixture({
          ...common,
          members: [inOrder(boosted), inOrder(forest)],
          intercept: intercept && permuted(intercept),
        }).withMargins({ slope: permuted(scaling.slope), intercept: permuted(scaling.intercept) });
        const x = matrixOf('order');
        const answers = byRow(one.answers(x), 3);
        byRow(other.answers(x), 3).forEach((own, row) =>
          own.forEach((p, k) => expect(p).toBeCloseTo(answers[row]![order[k]!]!, 6)),
        );
      }
  });

  it('is its one member where that has all the weight', () => {
    const members = (['linear', 'boosted', 'forest'] as const).map((kind) => randomMember(kind, 3, kind));
    const x = matrixOf('alone');
    members.forEach((member, i) => {
      const weights = Float64Array.from(members, (_, other) => (other === i ? 1 : 0));
      const expected = member.exactAnswers(x);
      for (const how of [
        { of: 'probability', intercept: null },
        { of: 'logit', intercept: [0, 0, 0] },
      ] as const)
        fittedMixture({ learner: 'vote', members, weights, ...how })
          .exactAnswers(x)
          .forEach((p, at) => expect(Math.abs(p - expected[at]!)).toBeLessThan(4e-6));
    });
  });

  it('refuses scalings that are not one slope above 0 and one intercept for each class', () => {
    const members = (['linear', 'forest'] as const).map((kind) => randomMember(kind, 3, kind));
    const weights = Float64Array.of(0.5, 0.5);
    for (const how of [
      { of: 'probability', intercept: null },
      { of: 'logit', intercept: [0, 0, 0] },
    ] as const) {
      const mixture = fittedMixture({ learner: 'vote', members, weights, ...how });
      for (const by of [
        { slope: [1, 1], intercept: [0, 0] },
        { slope: [1, 0, 1], intercept: [0, 0, 0] },
        { slope: [1, 1, 1], intercept: [0, NaN, 0] },
      ])
        expect(() => mixture.withMargins(by)).toThrow(RangeError);
    }
  });

  it('gets several bars where a member does, and the others read the newest', async () => {
    const bars = 3;
    const boosted = randomMember('boosted', 3, 'bars');
    const members = [onLastBar(randomMember('linear', 3, 'bars'), bars), boosted];
    const weights = Float64Array.of(0.5, 0.5);
    const table = randomRows(createRng('bars'), ROWS * bars, COLUMNS, 0.1);
    const newest = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => {
      const row = Math.floor(i / COLUMNS);
      return table[((row + 1) * bars - 1) * COLUMNS + (i % COLUMNS)]!;
    });
    const last = Int32Array.from({ length: ROWS }, (_, row) => (row + 1) * bars - 1);
    const x: Matrix = { rows: ROWS, columns: COLUMNS, values: newest, past: { bars, table, last } };
    expect(barsPerRow(x)).toBe(bars);
    for (const how of [
      { of: 'probability', intercept: null },
      { of: 'logit', intercept: [0.1, 0, -0.1] },
    ] as const) {
      const mixture = fittedMixture({ learner: 'vote', members, weights, ...how });
      expect(mixture.bars).toBe(bars);
      const bytes = mixture.withMargins({ slope: [1, 2, 1], intercept: [0, 0.1, 0] }).toOnnx({ metadata: {} });
      const expected = mixture.withMargins({ slope: [1, 2, 1], intercept: [0, 0.1, 0] }).exactAnswers(x);
      const served = await sequenceAnswers(bytes, table, bars);
      expected.forEach((p, i) => expect(Math.abs(p - served[i]!)).toBeLessThan(1e-5));
    }
  });
});

async function sequenceAnswers(bytes: Uint8Array, table: Float32Array, bars: number): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await import('../../../../shared/bundle/onnxruntime.ts');
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const tensor = new Tensor('float32', table, [table.length / bars / COLUMNS, bars, COLUMNS]);
    return (await session.run({ features: tensor }))['score']!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** Class 0 above, 1 below, 2 between, by a line and a step: 300 rows a day. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const rows = 2400;
  const values = Float32Array.from({ length: rows * 2 }, () => rng.normal());
  const time = Float64Array.from({ length: rows }, (_, row) => row * 288);
  return {
    x: { rows, columns: 2, values },
    y: Float64Array.from({ length: rows }, (_, row) => {
      const score = values[2 * row]! + 0.5 * rng.normal();
      return score > 0.5 ? 0 : score < -0.5 ? 1 : 2;
    }),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(rows).fill(1),
  };
}

const rows = rowsOf('rows');

function open(engine: string, configured: Parameters<typeof ensembleParameters>[0]): Learner {
  return openLearner(engine, {
    parameters: SMALL_TREES,
    fitTrees: runFit,
    ensembles: ensembleParameters(configured),
    columnNames: [],
    network: networkParameters(undefined, 'ai1'),
  });
}

const request: FitRequest = {
  task: { kind: 'multiclass', classes: 3 },
  rows,
  subset: Int32Array.from(rows.y.keys()),
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'classes',
  continueFrom: null,
};

describe('a bag of classes', () => {
  it('of boosted trees is the mean of their margins, one model of trees', async () => {
    const bag = mixtureOf(await open('bagging', { bagging: { members: 3 } }).fit(request));
    const { model, metadata } = decodeTreeModel(bag.toOnnx({ metadata: {} }));
    expect([model.link, model.ensembles.length]).toEqual(['softmax', 3]);
    expect(metadata['members']).toBe('gbdt gbdt gbdt');
    const margins = bag.members.map((member) => member.openMargins()(rows.x));
    bag
      .openMargins()(rows.x)
      .forEach((own, k) => {
        for (let row = 0; row < own.length; row += 37)
          expect(own[row]).toBeCloseTo(margins.reduce((sum, of) => sum + of[k]![row]!, 0) / 3, 5);
      });
  });

  it('of forests is one forest, whose logarithms are calibrated', async () => {
    const configured = { bagging: { members: 2, base: 'random_forest' } } as const;
    const bag = mixtureOf(await open('bagging', configured).fit(request));
    const { model } = decodeTreeModel(bag.toOnnx({ metadata: {} }));
    expect([model.link, bag.link]).toEqual(['identity', 'softmax']);
    const each = bag.members.map((member) => member.exactAnswers(rows.x));
    bag.exactAnswers(rows.x).forEach((p, i) => expect(p).toBeCloseTo((each[0]![i]! + each[1]![i]!) / 2, 6));
    const scaled = bag.withMargins({ slope: [2, 1, 1], intercept: [0, 0, 0.5] });
    expect(isTrees(scaled)).toBe(false);
    expect(readOwnModel(scaled.toOnnx({ metadata: {} })).width).toBe(3);
  });
});

describe('an ensemble of trees and a line over classes', () => {
  const members = ['gbdt', 'random_forest', 'logistic'] as const;
  type Ensemble = readonly [what: string, engine: string, Parameters<typeof ensembleParameters>[0]];
  const all: readonly Ensemble[] = [
    ['a vote', 'vote', {}],
    ['a bag', 'bagging', { bagging: { members: 3, mixed: [...members] } }],
    ...(['greedy', 'logistic'] as const).flatMap((meta) =>
      [true, false].map((probabilities): Ensemble => {
        const what = `a stack (${meta}, of probabilities: ${probabilities})`;
        return [what, 'stacking', { stacking: { meta, probabilities, folds: 2 } }];
      }),
    ),
  ];

  it.each(all)('is scored by our own code, as onnxruntime scores it, and better than base rates: %s', async (...of) => {
    const [, engine, configured] = of;
    const learner = open(engine, configured);
    const ensemble = mixtureOf(await learner.fit(request));
    expect(ensemble.members.map(({ learner: name }) => name)).toEqual(members);
    expect(ensemble.weights.every((weight) => weight !== 0)).toBe(true);
    const fresh = rowsOf('fresh');
    const calibrated = ensemble.withMargins({ slope: [0.9, 0.8, 1.1], intercept: [0.1, 0, -0.1] });
    for (const model of [ensemble, calibrated]) {
      const bytes = model.toOnnx({ metadata: {} });
      const { values } = await onnxAnswers(bytes, fresh.x);
      const read = readOwnModel(bytes);
      expect(read.model.engine).toBe('own-graph');
      const own = openOwnModel(read.model, fresh.x.rows)(fresh.x.values, fresh.x.rows);
      expect(model.answers(fresh.x)).toEqual(Float64Array.from(own));
      for (let i = 0; i < values.length; i++) expect(Math.abs(own[i]! - values[i]!)).toBeLessThanOrEqual(TOLERANCE);
    }
    const loss = multiclassLogLoss({ classes: 3, probabilities: ensemble.answers(fresh.x), labels: fresh.y });
    expect(loss).toBeLessThan(0.8);
    const again = mixtureOf(await learner.fit({ ...request, budget: { kind: 'like', model: ensemble } }));
    expect([again.weights, again.intercept, again.of]).toEqual([ensemble.weights, ensemble.intercept, ensemble.of]);
  });

  it('weighs a member by its answers to the classes of rows that none has learned from', async () => {
    const pair = ['prior', 'gbdt'] as never;
    for (const [engine, configured] of [
      ['vote', { vote_members: pair }],
      ['stacking', { stacking: { members: pair, probabilities: true } }],
      ['stacking', { stacking: { members: pair, probabilities: false } }],
    ] as const) {
      const { weights } = mixtureOf(await open(engine, configured).fit(request));
      // Halfway from equal weights to the better one alone, but for what the worse one adds.
      expect(weights[1]).toBeGreaterThan(0.7);
      expect(weights[0]! + weights[1]!).toBeCloseTo(1, 6);
      // Where later labels are shuffled, base rates are better.
      const turned = { ...rows, y: rows.y.map((label, row) => (row < 600 ? label : row % 3)) };
      const misled = mixtureOf(await open(engine, configured).fit({ ...request, rows: turned }));
      expect(misled.weights[1]).toBeLessThan(0.6);
    }
  });
});

describe('members that do not learn classes', () => {
  /** A learner of one probability, which fails the test when it is asked to learn. */
  const learned: string[] = [];
  const watched = (name: string, tasks: Learner['supports']['tasks']): Learner => ({
    name,
    supports: { stopping: false, continuing: false, tasks },
    fit: () => {
      learned.push(name);
      return Promise.reject(new Error(`${name} was asked to learn`));
    },
  });

  it.each(['vote', 'bagging', 'stacking'])(
    'are refused by name before %s learns, also in an ensemble of ensembles',
    async (engine) => {
      const members = ['both', 'binary'];
      const ensembles: EnsembleParameters = {
        voteMembers: members,
        bagging: { members, fraction: 1, seed: null },
        stacking: { members, meta: 'greedy', blocks: 3, probabilities: true, seed: null },
      };
      const openMember = (name: string): Learner =>
        name === 'binary'
          ? watched(name, ['binary'])
          : name === 'both'
            ? watched(name, ['binary', 'multiclass'])
            : learnerNamed(name).open({ ensembles, openMember } as never);
      const refused = expect.objectContaining({
        code: 'LEARNER_TASK',
        seen: expect.stringMatching(`binary in ${engine}, multiclass`) as string,
      }) as Error;
      await expect(openMember(engine).fit(request)).rejects.toEqual(refused);
      // A vote on the ensemble.
      const outer = learnerNamed('vote').open({
        ensembles: { ...ensembles, voteMembers: ['both', engine] },
        openMember,
      } as never);
      await expect(outer.fit(request)).rejects.toEqual(refused);
      expect(learned).toEqual([]);
    },
  );
});
