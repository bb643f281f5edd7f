import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NETWORKS_PYTHON } from '../../../shared/policy/environment.ts';
import { wholeHistory } from '../history/kept_history.ts';
import { createRng } from '../../../shared/rng.ts';
import { FAKE_PYTHON_NOTE, fakePython } from '../../../test/networks_python.ts';
import { type SettingsOverrides, tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../test/trained_models.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { relabeled } from '../strategies/pair_reversion/dataset/relabel.ts';
import { labelReversion } from '../strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../strategies/pair_reversion/label/reversion.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { pick } from '../dataset/rows.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { fitOf } from '../learners/model_learning.ts';
import { networkParameters, type NetworkParameters } from '../learners/networks/network_parameters.ts';
import { type FitTask, runFit } from '../learners/trees/fit.ts';
import { columnsOf, type Learning, openModelLearner } from '../learners/learning.ts';
import { modelMetrics } from '../measures/model_metrics.ts';
import { rowsOutside } from '../splits/purged_kfold.ts';
import { kFoldSplits } from '../splits/splits.ts';
import {
  balancePenalty,
  type ModelSearchOptions,
  searchAi1,
  type SearchedLearning,
  searchModel,
} from './search_model.ts';
import { listJournals, readSearchHistory } from './finished_journals.ts';
import type { SearchProgress } from './search.ts';

let folder: string;
let learning: Learning;
let plain: Dataset;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-search-'));
  const settings = tinySettings();
  const { result } = await trainTinyModels(folder, { settings, bars: tinyBars(settings, 8000) });
  plain = result.dataset;
  learning = { dataset: withHint(plain), settings, seed: 7 };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The small market is hardly predictable; here one feature of AI1 predicts its reversions. */
function withHint(dataset: Dataset): Dataset {
  const rng = createRng('hint');
  const columns = dataset.definitions.length;
  const hint = dataset.definitions.findIndex(({ models }) => models.includes('ai1'));
  const histories = dataset.histories.map(wholeHistory).map((history) => {
    const features = history.features.slice();
    const { bar, label } = labelReversion(history, EVALUATION_BARRIERS);
    bar.forEach((t, i) => (features[history.row[t]! * columns + hint] = label[i]! + rng.normal()));
    return { ...history, features };
  });
  const ai1 = relabeled({ ...dataset, histories }, EVALUATION_BARRIERS, Infinity);
  return { ...dataset, histories, train: { ...dataset.train, ai1 } };
}

function search(
  overrides: SettingsOverrides['minutehand'],
  options: Partial<ModelSearchOptions> = {},
): Promise<SearchedLearning> {
  const settings = tinySettings({ minutehand: overrides ?? {} });
  const defaults = { trials: 8, folder: null, fitTrees: runFit, onProgress: () => undefined };
  return searchAi1({ ...learning, settings }, { ...defaults, ...options });
}

/** Every n-th row, as trials have them. */
function evenly(rows: Dataset['train']['ai2'], most: number): Dataset['train']['ai1'] {
  const { length } = rows.y;
  return takeDatasetRows(
    rows,
    Int32Array.from({ length: most }, (_, i) => Math.floor((i * length) / most)),
  );
}

/** Parameters that learn almost nothing. */
const BAD = { train: { ai1: { rounds: 30, learning_rate: 0.01, leaves: 4, min_data_in_leaf: 1500 }, folds: 5 } };

describe('searchAi1', () => {
  it('finds better parameters than bad ones, and learns with them', async () => {
    const { report, learning: found } = await search(BAD, { trials: 12 });
    expect(report).toMatchObject({ trials: 12, failed: 0, adopted: true });
    expect(report.best_log_loss).toBeLessThan(report.configured_log_loss);
    expect(report.gain).toBeGreaterThan(2 * report.gain_standard_error);
    expect(report.gain).toBeCloseTo(report.configured_log_loss - report.best_log_loss, 12);
    const { ai1, ai2 } = found.settings.minutehand.train;
    expect(ai1.leaves).toBe(report.best_parameters['trees.leaves']);
    expect(ai1.learning_rate).toBe(report.best_parameters['trees.learning_rate']);
    expect(ai2).toEqual(learning.settings.minutehand.train.ai2);
  });

  it('keeps the configured ones when nothing is clearly better', async () => {
    const { report, learning: found, barriers } = await search({}, { trials: 1 });
    expect(report).toMatchObject({ trials: 1, gain: 0, adopted: false });
    expect(found.settings).toEqual(learning.settings);
    expect(found.dataset.train.ai1).toBe(learning.dataset.train.ai1);
    expect(barriers).toEqual(EVALUATION_BARRIERS);
  });

  it.each(['ai2', 'ai3'] as const)('searches the trees of %s as well', async (name) => {
    const bad = { rounds: 30, learning_rate: 0.01, leaves: 4, min_data_in_leaf: 1500 };
    const settings = tinySettings({ minutehand: { train: { [name]: bad } } });
    const options = { trials: 6, folder: null, fitTrees: runFit, onProgress: () => undefined };
    const { report, learning: found } = await searchModel(name, { ...learning, settings }, options);
    expect(report).toMatchObject({ trials: 6, adopted: true });
    expect(report.best_log_loss).toBeLessThan(report.configured_log_loss);
    expect(Object.keys(report.best_parameters).filter((key) => key.startsWith('label.'))).toEqual([]);
    const { train } = found.settings.minutehand;
    expect(train[name].leaves).toBe(report.best_parameters['trees.leaves']);
    expect(train.ai1).toEqual(settings.minutehand.train.ai1);
    expect(found.dataset.train[name]).toBe(learning.dataset.train[name]);
  });

  it.skipIf(FAKE_PYTHON_NOTE !== '')(
    `of a network tries its figures, and measures balance as well${FAKE_PYTHON_NOTE}`,
    async () => {
      const home = join(folder, 'python');
      mkdirSync(home);
      vi.stubEnv(NETWORKS_PYTHON, fakePython(home));
      try {
        const settings = tinySettings({
          minutehand: {
            train: { engine: 'neural_net', folds: 2, networks: { epochs: 5 } },
            search: { max_rows: 1000 },
          },
        });
        const options = { trials: 3, folder: null, fitTrees: runFit, onProgress: () => undefined };
        const own = { ...learning, settings };
        const { report, learning: found } = await searchModel('ai2', own, options);
        const requests = readFileSync(join(home, 'requests'), 'utf8').trim().split('\n');
        const asked = requests.map((line) => (JSON.parse(line) as { parameters: NetworkParameters }).parameters);
        expect(asked[0]).toEqual(networkParameters({ epochs: 5 }, 'ai2'));
        expect(new Set(asked.map(({ learning_rate }) => learning_rate)).size).toBe(3);
        for (const { learning_rate, dropout, batch_size, class_weight_ratio, epochs } of asked) {
          expect(learning_rate >= 1e-5 && learning_rate <= 1e-2 && epochs === 5).toBe(true);
          expect(dropout >= 0.1 && dropout <= 0.5 && [256, 512, 1024].includes(batch_size)).toBe(true);
          expect(class_weight_ratio >= 0.25 && class_weight_ratio <= 0.7).toBe(true);
        }
        // The fake one learns the same whatever its figures: nothing is better, and the penalty is what log loss lacks.
        expect(report).toMatchObject({ trials: 3, gain: 0, adopted: false, balance_penalty: 0.5 });
        expect(networkParameters(found.settings.minutehand.train.networks, 'ai2')).toEqual(asked[0]);
        expect(found.settings.minutehand.train.ai2).toEqual(settings.minutehand.train.ai2);
        const rows = evenly(own.dataset.train.ai2, 1000);
        const embargo = settings.minutehand.label.horizon_bars * 60;
        const fit = fitOf(openModelLearner(settings, 'ai2', own.dataset.definitions, runFit), {
          columns: columnsOf(own.dataset.definitions, 'ai2'),
          seed: `${own.seed}/ai2`,
          continueFrom: null,
        });
        const values: number[] = [];
        for (const { train, test } of kFoldSplits(rows, 2, embargo)) {
          const answers = (await fit(rows, train, null)).answers(takeRows(rows.x, test));
          values.push(modelMetrics(answers, pick(rows.y, test)).log_loss! + balancePenalty(answers));
        }
        expect(report.configured_log_loss).toBeCloseTo((values[0]! + values[1]!) / 2, 9);
      } finally {
        vi.unstubAllEnvs();
      }
    },
  );

  it('never uses the holdout in a trial, nor a fold’s own time for it', async () => {
    const seen: FitTask[] = [];
    const watched: typeof runFit = (task, ...rest) => {
      seen.push(task);
      return runFit(task, ...rest);
    };
    await search({ search: { label: true } }, { trials: 6, fitTrees: watched });
    const { holdoutFrom } = learning.dataset;
    for (const { rows } of seen) expect(Math.max(...rows.labelEnd)).toBeLessThan(holdoutFrom + 60);
    const { train, label, search: plan } = learning.settings.minutehand;
    const embargo = label.horizon_bars * 60;
    const evaluated = relabeled(learning.dataset, EVALUATION_BARRIERS, plan.max_rows);
    const folds = kFoldSplits(evaluated, train.folds, embargo);
    // The first trial is measured on all folds of the evaluation label, in order.
    folds.forEach((fold, i) => expect(seen[i]!.subset).toEqual(fold.train));
    expect(seen.length).toBeGreaterThan(train.folds);
  });

  it('is deterministic, and resumes an interrupted search', async () => {
    const journals = join(folder, 'journals');
    const whole = await search(BAD);
    expect(await search(BAD)).toEqual(whole);
    let fits = 0;
    const dying: typeof runFit = (...task) => {
      if (++fits > 10) throw new Error('killed');
      return runFit(...task);
    };
    await expect(search(BAD, { folder: journals, fitTrees: dying })).rejects.toThrow('killed');
    expect(readdirSync(journals).filter((name) => name.endsWith('.jsonl')).length).toBe(1);
    const counts: SearchProgress[] = [];
    const resumed = await search(BAD, { folder: journals, onProgress: (progress) => counts.push(progress) });
    expect(counts.length).toBeLessThan(8);
    expect(resumed).toEqual(whole);
    expect(readdirSync(journals)).toEqual(['finished']);
    const [finished] = listJournals(journals);
    expect(finished).toMatchObject({ model: 'ai1', is_finished: true });
    const history = (await readSearchHistory(journals, finished!.search_id))!;
    expect(history.state.filter((state) => state === 'complete').length).toBe(whole.report.complete);
    expect(Math.min(...history.value.filter((value) => value !== null))).toBe(whole.report.best_log_loss);
  });
});

describe('relabeled', () => {
  it('equals AI1’s labels with the barriers of evaluation', () => {
    const { max_rows } = learning.settings.minutehand.train;
    expect(relabeled(plain, EVALUATION_BARRIERS, max_rows)).toEqual(plain.train.ai1);
  });

  it('changes labels and not features, and thins evenly', () => {
    const { dataset } = learning;
    const wide = relabeled(dataset, { ...EVALUATION_BARRIERS, stop: 3, horizon: 120 }, Infinity);
    const share = (y: Float64Array): number => y.reduce((sum, label) => sum + label, 0) / y.length;
    expect(share(wide.y)).toBeGreaterThan(share(dataset.train.ai1.y));
    expect(relabeled(dataset, EVALUATION_BARRIERS, 200).y.length).toBe(200);
  });
});

describe('rowsOutside', () => {
  it('leaves out labels that reach into a block, and labels that begin within the embargo after it', () => {
    const times = [0, 10, 20, 30, 40, 50];
    const ends = [5, 20, 25, 35, 45, 55];
    expect([...rowsOutside(times, ends, { begin: 20, end: 30 }, 10)]).toEqual([0, 5]);
  });
});
