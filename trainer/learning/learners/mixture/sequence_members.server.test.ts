import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INPUT_NAME, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import { InferenceSession, Tensor } from '../../../../shared/bundle/onnxruntime.ts';
import { sequenceModel } from '../../../../shared/bundle/sequence_bundle.fixture.ts';
import { loadScorer } from '../../../../shared/bundle/scorer.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { createRng } from '../../../../shared/rng.ts';
import { networksNote } from '../../../../test/networks_python.ts';
import { TEST_PYTHON } from '../../../../test/python.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Fitted } from '../contract/fitted.ts';
import type { FitRequest } from '../contract/learner.ts';
import { isSequence, rowsOfTable, sequencesOf } from '../contract/past_rows.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { fittedOnnx } from '../onnx/fitted_onnx.ts';
import { openLearner } from '../registry.ts';
import { runFit } from '../trees/fit.ts';
import { ensembleParameters } from './ensemble_parameters.ts';
import { fittedMixture, mixtureOf } from './fitted_mixture.ts';
import type { Mixture } from './mixture.ts';
import { SMALL_TREES } from '../small_trees.fixture.ts';

const ROWS = 900;
const BARS = 5;
const NAMES = ['z_score', 'beta', 'half_life'];
const COLUMNS = NAMES.length;
/** Between a model and its graph, as for every learner. */
const PARITY = 1e-5;
/** The label depends on the newest row and on the oldest of its sequence. 300 rows a day. */
function rowsOf(seed: string): FitRows {
  const rng = createRng(seed);
  const table = Float32Array.from({ length: (ROWS + BARS - 1) * COLUMNS }, () => rng.normal());
  const time = Float64Array.from({ length: ROWS }, (_, row) => 288 * row);
  return {
    x: rowsOfTable(table, { first: BARS - 1, rows: ROWS, columns: COLUMNS, bars: BARS }),
    y: Float64Array.from({ length: ROWS }, (_, row) => {
      const oldest = table[row * COLUMNS]!;
      const newest = table[(row + BARS - 1) * COLUMNS]!;
      return oldest + newest + rng.normal() > 0 ? 1 : 0;
    }),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(ROWS).fill(1),
  };
}

const rows = rowsOf('sequences');
const request: FitRequest = {
  task: { kind: 'binary' },
  rows,
  subset: Int32Array.from(rows.y.keys()),
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'sequence members',
  continueFrom: null,
};

const open = (engine: string, members: readonly [string, ...string[]], configured: object = {}) =>
  openLearner(engine, {
    parameters: SMALL_TREES,
    fitTrees: runFit,
    ensembles: ensembleParameters({
      vote_members: [...members] as never,
      stacking: { members: [...members] as never, ...configured },
    }),
    columnNames: NAMES,
    network: { ...networkParameters(undefined, 'ai1'), epochs: 3, learning_rate: 0.01, lstm_units: 64 },
  });

/** A model of another program over sequences. */
const sequential = (tilt: number): Promise<Fitted> =>
  fittedOnnx({
    learner: 'gru',
    bytes: sequenceModel(2, BARS, tilt),
    columns: COLUMNS,
    used: [2, 0],
    iterations: null,
    bars: BARS,
  });

/** Answers of the file in onnxruntime, as the daemon asks it; they must be those of the model. */
async function served(fitted: Fitted): Promise<Float32Array> {
  const { x } = rows;
  if (!isSequence(x)) throw new Error('no sequences');
  const scorer = await loadScorer(fitted.toOnnx({ metadata: {} }), { columns: COLUMNS, bars: BARS }, 'mixture');
  try {
    const answers = (await scorer.score(sequencesOf(x, 0, ROWS), ROWS)).slice();
    const exact = fitted.exactAnswers(x);
    const own = fitted.answers(x);
    answers.forEach((answer, row) => {
      expect(Math.abs(answer - exact[row]!)).toBeLessThan(PARITY);
      expect(Math.abs(answer - own[row]!)).toBeLessThan(PARITY);
    });
    return answers;
  } finally {
    await scorer.release();
  }
}

const logit = (p: number): number => Math.log(p / (1 - p));

describe('an ensemble with a member that gets several bars together', () => {
  const combined: readonly [string, Pick<Mixture, 'of' | 'intercept'>][] = [
    ['mean of probabilities', { of: 'probability', intercept: null }],
    ['regression on probabilities', { of: 'probability', intercept: [-0.3] }],
    ['regression on logits', { of: 'logit', intercept: [0.2] }],
  ];

  it.each(combined)('gets as many, and its members of one bar read the newest: %s', async (_what, how) => {
    const members = [
      await sequential(0.25),
      await open('gbdt', ['gbdt']).fit(request),
      await open('logistic', ['gbdt']).fit(request),
      await sequential(-0.5),
    ];
    const weights = Float64Array.of(0.4, 0.3, 0.2, 0.1);
    const mixture = fittedMixture({ learner: 'stacking', members, weights, ...how });
    expect(mixture.bars).toBe(BARS);
    const answers = await served(mixture);
    const own = members.map((member) => member.answers(rows.x));
    for (let row = 0; row < ROWS; row += 13) {
      const sum = own.reduce((all, of, i) => {
        const answer = how.of === 'logit' ? logit(of[row]!) : of[row]!;
        return all + Math.fround(weights[i]!) * answer;
      }, 0);
      const expected = how.intercept === null ? sum : 1 / (1 + Math.exp(-sum - Math.fround(how.intercept[0]!)));
      expect(answers[row]).toBeCloseTo(expected, 5);
    }
    const calibrated = await served(mixture.withMargins({ slope: [0.5], intercept: [1] }));
    for (let row = 0; row < ROWS; row += 13)
      expect(logit(calibrated[row]!)).toBeCloseTo(0.5 * logit(answers[row]!) + 1, 3);
  });

  it('of one bar alone stays a model of one bar', async () => {
    expect(mixtureOf(await open('vote', ['gbdt', 'logistic']).fit(request)).bars).toBe(1);
  });
});

const note = networksNote();

describe.runIf(note === '')(`an ensemble of the networks that PyTorch learns, and trees${note}`, () => {
  beforeAll(() => void (process.env[NETWORKS_PYTHON] = TEST_PYTHON));
  afterAll(() => delete process.env[NETWORKS_PYTHON]);

  it.each(['vote', 'stacking'])(
    'is one graph that answers as its members do: %s',
    { timeout: 300_000 },
    async (engine) => {
      const members = ['lstm', 'transformer', 'gbdt', 'neural_net'] as const;
      const mixture = mixtureOf(await open(engine, members, { folds: 1 }).fit(request));
      expect(mixture.members.map(({ learner }) => learner)).toEqual(members);
      expect(mixture.bars).toBe(BARS);
      const answers = await served(mixture);
      const own = mixture.members.map((member) => member.answers(rows.x));
      for (let row = 0; row < ROWS; row += 31)
        expect(answers[row]).toBeCloseTo(
          own.reduce((sum, of, i) => sum + mixture.weights[i]! * of[row]!, 0),
          5,
        );
    },
  );

  it('answers several classes in one graph', { timeout: 300_000 }, async () => {
    const ofClasses: FitRequest = {
      ...request,
      task: { kind: 'multiclass', classes: 3 },
      rows: { ...rows, y: rows.y.map((label, row) => (row % 4 === 0 ? 2 : label)) },
    };
    const mixture = mixtureOf(await open('vote', ['gru', 'gbdt', 'logistic']).fit(ofClasses));
    expect([mixture.bars, mixture.width]).toEqual([BARS, 3]);
    for (const model of [mixture, mixture.withMargins({ slope: [0.5, 1, 2], intercept: [1, 0, 0] })]) {
      const answers = await classAnswers(model);
      const exact = model.exactAnswers(rows.x);
      expect(answers).toHaveLength(3 * ROWS);
      answers.forEach((answer, i) => expect(Math.abs(answer - exact[i]!)).toBeLessThan(PARITY));
    }
  });
});

/** Answers of the file of a model of classes in onnxruntime, by row. */
async function classAnswers(fitted: Fitted): Promise<Float32Array> {
  const { x } = rows;
  if (!isSequence(x)) throw new Error('no sequences');
  const session = await InferenceSession.create(fitted.toOnnx({ metadata: {} }), { intraOpNumThreads: 1 });
  try {
    const tensor = new Tensor('float32', sequencesOf(x, 0, ROWS), [ROWS, BARS, COLUMNS]);
    return (await session.run({ [INPUT_NAME]: tensor }))[OUTPUT_NAME]!.data as Float32Array;
  } finally {
    await session.release();
  }
}
