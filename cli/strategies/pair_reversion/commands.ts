import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import type { RunJob, StrategyCommands } from '../strategy_commands.ts';
import { listPairs, showPairs } from './bundles.ts';

const train: RunJob<'train' | 'warm_start' | 'thresholds'> = async (job, settings, output) =>
  (await import('../../commands/train.ts')).runTrainingJob(
    job,
    settings,
    { verbose: false, requireGates: false, notifier: null },
    output,
  );

/** `pair_reversion`; what loads models or learns is loaded when it is asked for. */
export const PAIR_REVERSION_COMMANDS: StrategyCommands = {
  shelf: 'pairs',
  subjects: 'pairs',
  list: listPairs,
  show: showPairs,
  score: async (folder, settings, isTimed) => (await import('./checks.ts')).scorePairs(folder, settings, isTimed),
  checkActive: async (settings, paths) => [await (await import('./checks.ts')).checkPairs(settings, paths)],
  columnsOf: async (folder, settings) => (await import('./columns.ts')).columnsOfPairs(folder, settings),
  backtest: async (flags, output) => (await import('./backtest.ts')).backtestPairs(flags, output),
  jobs: { train, warm_start: train, thresholds: train },
  rows: {
    roles: MODEL_NAMES,
    export: async (flags, role, output) =>
      (await import('./export.ts')).exportPairRole(flags, role as ModelName, output),
  },
};
