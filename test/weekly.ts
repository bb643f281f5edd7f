import { skipNote } from './skip_note.ts';

/** Whether the long forms run: `npm run test:weekly`. */
export const IS_WEEKLY = process.env['MINUTEHAND_WEEKLY'] !== undefined;
/** For the end of the title of a test that has no short form. */
export const WEEKLY_NOTE = skipNote(!IS_WEEKLY, 'npm run test:weekly runs it');

interface LongForm {
  /** What `npm run test:weekly` runs. */
  readonly weekly: string;
  /** What every run has instead, and fails for the same fault. */
  readonly always: string;
}

/**
 * Test files with a form that is too long for every run, by path: statistics of hundreds of seeds, more kills of the
 * same kind, more months of bars. `npm run test:weekly` runs these files in their long form, each week and whenever
 * something in their folder changes (.github/workflows/weekly.yml).
 */
export const WEEKLY: Readonly<Record<string, LongForm>> = {
  'bench/end_to_end/soak.unit.test.ts': {
    weekly: 'a daemon two minutes under load, whose heap must not grow',
    always: 'the judgement of a heap that leaks; shared/core/features/allocation.chain.test.ts: bytes a bar',
  },
  'bench/gates/bias_rates.chain.test.ts': {
    weekly: 'models of 20 worlds of each market that the limits of bias refuse',
    always: 'of the first three worlds',
  },
  'bench/gates/rates.unit.test.ts': {
    weekly: 'rates of every gate and plan, in about a twelfth of the recorded worlds',
    always: 'the same rates in a tenth of that',
  },
  'bench/training.chain.test.ts': {
    weekly: 'peak memory of a training of ten pairs and eight months',
    always: 'trainer/learning/strategies/pair_reversion/dataset/scratch.unit.test.ts: memory of the rows',
  },
  'cli/bars/import.slow.test.ts': {
    weekly: 'eight months of bars against the reference',
    always: 'three and a half months',
  },
  'cli/bars/store_sink.server.test.ts': { weekly: 'two recorded symbols', always: 'one' },
  'daemon/feed/redis.chain.test.ts': { weekly: '5 kills', always: '3 kills' },
  'daemon/kill.chain.test.ts': {
    weekly: '10 kills in 400 minutes; 30 lives that end at random times',
    always: '2 kills in 200 minutes; 6 lives',
  },
  'mt5/broker.server.test.ts': {
    weekly: '500 whole days, and six months with weekends, restarts and switches of accounts',
    always: '8 times two hours, eight days, and every scenario by name',
  },
  'mt5/day.server.test.ts': { weekly: 'a day at 60 ms a minute, most entries in time', always: 'at 25 ms' },
  'shared/bar_file/bar_check.unit.test.ts': { weekly: 'all recorded symbols', always: 'three of them' },
  'shared/core/formula/formula.unit.test.ts': { weekly: '10,000 random formulas', always: '150' },
  'shared/core/formula/parse_formula.unit.test.ts': { weekly: '100,000 random texts', always: '3,000' },
  'shared/core/resample/bar_resampler.unit.test.ts': {
    weekly: 'all days of all recorded symbols',
    always: 'four days of two',
  },
  'shared/policy/yaml.unit.test.ts': { weekly: '100,000 random documents', always: '1,500' },
  'sim/sim.chain.test.ts': {
    weekly: 'the seeds that reach every state, and the planted bugs that few seeds show',
    always: 'the seeds and planted bugs of the other tests of this file',
  },
  'test/careless_bars.slow.test.ts': { weekly: 'three seeds', always: 'one' },
  'test/dashboard.chain.test.ts': {
    weekly: 'the time to the first view, which needs an idle machine',
    always: 'that the view appears',
  },
  'test/formula_pandas/formula_pandas.server.test.ts': { weekly: '2,000 random formulas', always: '150' },
  'test/models_delivery.server.test.ts': { weekly: '200 cuts at random bytes', always: '4 cuts' },
  'test/promotion_owner.server.test.ts': {
    weekly: '1,000 kills and pauses',
    always: '5',
  },
  'test/promotion_partition.chain.test.ts': { weekly: '1,000 events', always: '60 events' },
  'test/registry_crash.server.test.ts': { weekly: 'a crash at every step', always: 'at every fifth' },
  'test/rollout_month.chain.test.ts': {
    weekly: 'a rollout over a recorded month, replayed twice',
    always: 'test/rollout.server.test.ts: all stages in a simulated market; golden record: replays to the byte',
  },
  'test/signals_crash.server.test.ts': { weekly: '6 kills', always: '4 kills' },
  'test/training_acceptance.chain.test.ts': {
    weekly: 'whole trainings on recorded bars with and without an edge',
    always: 'the gates of a training have tests of their own',
  },
  'test/two_machines.chain.test.ts': {
    weekly: 'events in namespaces for ten minutes with each kind of lease server; leases of a second',
    always: 'each kind of event once or twice, in namespaces; a hundred events inside one process',
  },
  'test/windows/held_signal.chain.test.ts': { weekly: 'a day of bars', always: '90 minutes' },
  'test/windows/kill.chain.test.ts': { weekly: '50 kills', always: '8 kills' },
  'test/year_of_signals.chain.test.ts': { weekly: 'a year of signals', always: '45 days' },
  'trainer/control/rollout/simulation/rollouts.unit.test.ts': {
    weekly: '1,300 rollouts: levels, loss budget and power',
    always: '39 rollouts: the same levels, budget and stated power with wider bounds',
  },
  'trainer/learning/automl/search_formulas.slow.test.ts': {
    weekly: '100 searches on exchanged labels',
    always: '3 of these searches, and those of the other tests of this file',
  },
  'trainer/learning/backtest/executability.unit.test.ts': { weekly: '100 worlds', always: '4 worlds' },
  'trainer/learning/evolve/evolve.unit.test.ts': {
    weekly: '100 placebo markets; 10 seeds that must find the planted rule',
    always: '2 placebo markets; one seed',
  },
  'trainer/learning/profile/drift.unit.test.ts': {
    weekly: 'twice the runs, and 180 days of training',
    always: 'half of the runs, and 60 days',
  },
  'trainer/learning/profile/evidence.unit.test.ts': { weekly: '20,000 months', always: '1,000 months' },
  'trainer/learning/scan/scan.unit.test.ts': { weekly: '60 worlds', always: '3 worlds' },
  'trainer/learning/search/study.chain.test.ts': {
    weekly: '20 kills; the test functions of six dimensions and of mixed parameters too',
    always: '10 kills; the Branin function',
  },
  'trainer/learning/strategies/pair_reversion/dataset/real_dataset.slow.test.ts': {
    weekly: 'eight months of fourteen symbols',
    always: 'three months',
  },
};
