import type { StrategyCommands } from '../strategy_commands.ts';
import { listDirections, showDirection } from './bundles.ts';

/** `direction`; what loads models or learns is loaded when it is asked for. */
export const DIRECTION_COMMANDS: StrategyCommands = {
  shelf: 'direction',
  subjects: 'the direction model',
  list: listDirections,
  show: showDirection,
  score: async (folder, _settings, isTimed) => (await import('./checks.ts')).scoreDirection(folder, isTimed),
  checkActive: async (settings, paths) => (await import('./checks.ts')).checkDirections(settings, paths),
  columnsOf: async (folder, settings) => (await import('./columns.ts')).columnsOfDirection(folder, settings),
  backtest: async (flags, output) => (await import('./backtest.ts')).backtestDirection(flags, output),
  jobs: {
    direction: async (job, settings, output) =>
      (await import('./train.ts')).runDirectionJob(job, settings, { verbose: false, requireGates: false }, output),
    direction_league: async (job, settings, output) =>
      (await import('./league.ts')).runAndPrintDirectionLeague(job, settings, output),
  },
  rows: {
    roles: ['direction'],
    export: async (flags, _role, output) => (await import('./export.ts')).exportDirection(flags, output),
    import: async (file, flags, output) => (await import('./import.ts')).importDirection(file, flags, output),
  },
};
