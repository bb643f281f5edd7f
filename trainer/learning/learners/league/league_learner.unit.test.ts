import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { fitAllRows, type FitRequest, type Learner } from '../contract/learner.ts';
import { ensembleParameters } from '../mixture/ensemble_parameters.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { learnerNamed, openLearner, partsOf, refuseMissingLearner, treeFitsOf } from '../registry.ts';
import { laterBlocks } from '../stacking/later_blocks.ts';
import { isChosen, LEAGUE, type ChosenModel } from './league_learner.ts';

const ROWS = 3000;

/** 300 rows a day. @param signal how much the first column says about the label */
function rowsOf(signal: number): FitRows {
  const rng = createRng(`signal ${signal}`);
  const values = Float32Array.from({ length: ROWS * 2 }, () => rng.normal());
  const time = Float64Array.from({ length: ROWS }, (_, row) => row * 288);
  return {
    x: { rows: ROWS, columns: 2, values },
    y: Float64Array.from({ length: ROWS }, (_, row) => (signal * values[2 * row]! + rng.normal() > 0 ? 1 : 0)),
    time,
    labelEnd: time.map((at) => at + 600),
    weights: new Float64Array(ROWS).fill(1),
  };
}

const requestOf = (rows: FitRows): FitRequest => ({
  task: { kind: 'binary' },
  rows,
  subset: Int32Array.from(rows.y.keys()),
  columns: null,
  budget: { kind: 'early_stopping', stopping: null },
  seed: 'league',
  continueFrom: null,
});

type Choice = 'best' | 'simplest_within_error';

const setup = {
  parameters: {
    rounds: 5,
    learning_rate: 0.1,
    leaves: 4,
    min_data_in_leaf: 20,
    l2: 1,
    row_fraction: 1,
    column_fraction: 1,
  },
  fitTrees: () => Promise.reject(new Error('no trees here')),
  columnNames: [],
  network: networkParameters(undefined, 'ai1'),
};

/** @param seen what each entrant was asked to learn */
function open(entrants: readonly string[], choice: Choice, seen: (name: string, of: FitRequest) => void = () => {}) {
  const ensembles = { ...ensembleParameters({}), league: { entrants, choice, blocks: 3 } };
  const openMember = (name: string): Learner => {
    const learner = openLearner(name, { ...setup, ensembles });
    return {
      ...learner,
      fit: (request) => (seen(name, request), learner.fit(request)),
    };
  };
  return LEAGUE.open({ ensembles, openMember, complexityOf: (name) => learnerNamed(name).complexity });
}

const fitted = async (learner: Learner, rows: FitRows): Promise<ChosenModel> =>
  (await learner.fit(requestOf(rows))) as ChosenModel;

describe('the engine league', () => {
  it('takes the entrant with the lowest log loss on later blocks, or the simplest one within one error of it', async () => {
    for (const choice of ['best', 'simplest_within_error'] as const) {
      const model = await fitted(open(['prior', 'logistic'], choice), rowsOf(2));
      expect([model.learner, model.chosen.learner]).toEqual(['league', 'logistic']);
    }
    // Where the columns say nothing, what ignores them is as good.
    const nothing = await fitted(open(['logistic', 'prior'], 'simplest_within_error'), rowsOf(0));
    expect(nothing.chosen.learner).toBe('prior');
  });

  it('compares on rows that came after all that was learned, and then learns all rows once', async () => {
    const rows = rowsOf(2);
    const asked: { name: string; rows: number; last: number }[] = [];
    const learner = open(['prior', 'logistic'], 'best', (name, { subset }) =>
      asked.push({ name, rows: subset.length, last: Math.max(...[...subset].map((row) => rows.labelEnd[row]!)) }),
    );
    await learner.fit(requestOf(rows));
    const blocks = laterBlocks(rows, requestOf(rows).subset, 3)!;
    const starts = blocks.map(({ block }) => rows.time[block[0]!]!);
    expect(asked.map(({ name }) => name)).toEqual([...Array(3).fill('prior'), ...Array(4).fill('logistic')]);
    asked.slice(0, 6).forEach(({ last }, i) => expect(last).toBeLessThan(starts[i % 3]!));
    expect(asked.at(-1)!.rows).toBe(ROWS);
  });

  it('learns a model like another one with the learner of that, without a new choice', async () => {
    const asked: string[] = [];
    const rows = rowsOf(2);
    const { budget: _, ...request } = requestOf(rows);
    const model = await fitAllRows(
      open(['prior', 'logistic'], 'best', (name, { budget }) => asked.push(`${name} ${budget.kind}`)),
      request,
    );
    expect(asked.at(-1)).toBe('logistic like');
    expect(asked.filter((one) => one.endsWith('like'))).toHaveLength(1);
    expect(isChosen(model.withMargins({ slope: [0.5], intercept: [0] }))).toBe(true);
    expect(Buffer.from(model.toOnnx({ metadata: {} })).includes('chosen')).toBe(true);
  });

  it('takes the simplest entrant where there are too few rows to compare', async () => {
    const rows = rowsOf(2);
    const few = { ...requestOf(rows), subset: Int32Array.from({ length: 300 }, (_, row) => row) };
    const model = (await open(['logistic', 'prior'], 'best').fit(few)) as ChosenModel;
    expect(model.chosen.learner).toBe('prior');
  });

  it('counts the fits of trees of its entrants, and refuses an entrant whose library is missing', () => {
    const train = { engine: 'league', league: { entrants: ['gbdt', 'vote', 'logistic'], blocks: 2 } } as const;
    // Two blocks of one and of two fits of trees, and the chosen one.
    expect(treeFitsOf({ ...train, league: { ...train.league, entrants: [...train.league.entrants] } })).toBe(7);
    const ensembles = {
      ...ensembleParameters({}),
      league: { entrants: ['stacking'], choice: 'best', blocks: 1 },
    } as const;
    expect(partsOf('league', ensembles)).toEqual(['stacking']);
    const missing = { ...ensembles, stacking: { ...ensembles.stacking, members: ['no learner'] } };
    expect(() => refuseMissingLearner('league', missing)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });
});
