import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { automlJobSchema, FORMULA_SEARCH_DEFAULTS, type AutomlJob } from '../../jobs/kinds/automl_job.ts';
import { requestTrigger } from '../schedule/run.ts';
import { runParametersSchema } from '../../jobs/kinds/run_parameters.ts';
import { jobOfRun } from '../schedule/run_job.ts';
import { autoMLConfigModel } from '../schema/training.ts';
import { automlErrors, DEFAULT_AUTOML, formulaSearchOf, wantsSearch } from './formula_search.ts';

const settings = loadSettings({ env: {} });

/** The job of a request with these generators, by way of the stored run. */
function jobOf(config: object): AutomlJob {
  const { search, workers } = formulaSearchOf(autoMLConfigModel.parse(config));
  const asked = { formulas: search, ...(workers !== undefined && { workers }) };
  const parameters = runParametersSchema.parse(JSON.parse(JSON.stringify(asked)));
  return automlJobSchema.parse(
    jobOfRun({ kind: 'automl', trigger: requestTrigger('api', parameters), parameters }, settings),
  );
}

describe('AutoMLConfigModel', () => {
  it.each([
    ['tsfresh', {}, { generators: ['windows'], window_bars: [5, 15, 30, 60, 120, 240, 480] }],
    ['featuretools', {}, { generators: ['calendar'] }],
    ['autofeat', {}, { generators: ['products'], level: 0.05, parts: 5, memory_gb: null }],
    ['tsfresh', { fdr_level: 0.2 }, { level: 0.2 }],
    ['tsfresh', { feature_count_limit: 3 }, { most: 8, most_of: { windows: 3 } }],
    ['tsfresh', { performance_mode: 'fast' }, { window_bars: [15, 60, 240] }],
    ['tsfresh', { performance_mode: 'financial_optimized' }, { window_bars: [5, 15, 30, 60, 240, 480] }],
    ['autofeat', {}, { candidates: 600 }],
    ['autofeat', { generations: 20 }, { candidates: 1000 }],
    ['autofeat', { population_size: 20 }, { candidates: 20 }],
    ['autofeat', { generations: 4, population_size: 5000 }, { candidates: 20_000 }],
    ['tsfresh', { feature_selection: true }, { generators: ['windows'] }],
    ['featuretools', { max_features: 1, max_depth: 1 }, { most_of: { calendar: 1 } }],
    ['autofeat', { max_features: 12 }, { most: 12, most_of: { products: 12 } }],
    ['autofeat', { featsel_runs: 9, max_gb: 0.5, feateng_steps: 2 }, { parts: 9, memory_gb: 0.5 }],
  ])('%s with %j acts in the job', (part, keys, expected) => {
    const { parameters, output } = jobOf({ [part]: { enabled: true, ...keys } });
    expect(parameters.search).toMatchObject(expected);
    expect(output.write).toBe(false);
  });

  it('has threads by either name, no more than the machine leaves free', () => {
    expect(jobOf({ tsfresh: { enabled: true, parallel_jobs: 1 } }).resources.workers).toBe(1);
    expect(jobOf({ autofeat: { enabled: true, n_jobs: 1 } }).resources.workers).toBe(1);
    const most = jobOf({ autofeat: { enabled: true } }).resources.workers;
    expect(jobOf({ autofeat: { enabled: true, n_jobs: 256 } }).resources.workers).toBe(most);
  });

  it.each([
    ['tsfresh', { feature_selection: false }],
    ['tsfresh', { window: 5 }],
    ['featuretools', { max_depth: 2 }],
    ['autofeat', { feateng_steps: 1 }],
    ['autofeat', { tournament_size: 2 }],
    ['autofeat', { verbose: 1 }],
  ])('%s refuses %j by name, with a next step; in every generator when it is disabled', (part, keys) => {
    const [key] = Object.keys(keys);
    const enabled = autoMLConfigModel.parse({ [part]: { enabled: true, ...keys } });
    expect(() => formulaSearchOf(enabled)).toThrow(MinutehandError);
    expect(automlErrors(enabled)).toEqual([expect.stringMatching(new RegExp(`${part}\\.${key}.*(Omit|modes)`, 's'))]);
    const disabled = autoMLConfigModel.parse({ [part]: keys });
    expect([wantsSearch(disabled), automlErrors(disabled)]).toEqual([
      false,
      [expect.stringContaining(`Enable ${part}`)],
    ]);
  });

  it('names every key that is wrong, contradicting threads included, and has valid defaults', () => {
    const wrong = {
      tsfresh: { enabled: true, parallel_jobs: 1, speed: 2 },
      autofeat: { enabled: true, n_jobs: 2, verbose: 1 },
    };
    expect(automlErrors(autoMLConfigModel.parse(wrong))).toHaveLength(3);
    const many = { autofeat: { enabled: true, generations: 5, population_size: 5000 } };
    expect(automlErrors(autoMLConfigModel.parse(many))).toEqual([expect.stringContaining('at most 20000 candidates')]);
    expect(automlErrors(DEFAULT_AUTOML)).toEqual([]);
    const { search } = formulaSearchOf(DEFAULT_AUTOML);
    expect({ ...search, most_of: {} }).toEqual(FORMULA_SEARCH_DEFAULTS);
  });
});
