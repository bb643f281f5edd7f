import { MinutehandError } from '../../../shared/errors.ts';
import { TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import { DIRECTION_BALANCES, type DirectionBalance } from '../../../shared/policy/balances.ts';
import { TRAIN_ENGINES, type Device, type TrainEngine } from '../../../shared/policy/engines.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { parseSymbolList } from '../../../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES } from '../../../shared/symbol/symbol.ts';
import type { DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import { defaultSymbols, directionEngine } from '../../../trainer/jobs/kinds/direction_defaults.ts';
import { learnerParameters } from '../../../trainer/jobs/strategies/direction/learner_parameters.ts';
import {
  DIRECTION_SETTINGS,
  directionSettingsSchema,
  type DirectionSettings,
} from '../../../trainer/learning/strategies/direction/direction_settings.ts';
import { EVALUATION_LABEL, evaluationBars } from '../../../trainer/learning/strategies/direction/label/direction.ts';
import { parseCostBps } from '../../cost_option.ts';
import { ENSEMBLE_SETTINGS, isEnsembleSetting, parseEnsemble } from '../../ensemble_option.ts';
import { parseEngine, parseMembers } from '../../learner_options.ts';
import { parseInteger, parseWindow } from '../../period.ts';
import { unknownName } from '../../named_option.ts';
import { parseSettings } from '../../settings_option.ts';

/** Options of a training of the direction model, as typed. */
export interface DirectionFlags {
  readonly data?: string;
  readonly symbols?: string;
  readonly series?: string;
  readonly balance: DirectionBalance;
  readonly compare?: string;
  readonly peers?: string;
  readonly engine?: string;
  readonly members?: string;
  readonly device?: Device;
  readonly threshold?: string;
  readonly sigmas?: string;
  readonly horizon?: string;
  readonly timeframe: Timeframe;
  readonly stride: string;
  readonly classWeightRatio: string;
  readonly trials: string;
  readonly balancePenalty?: boolean;
  readonly feeBps: string;
  readonly slippageBps: string;
  readonly seed: string;
  readonly workers: string;
  readonly market?: DirectionJob['market'];
  readonly requireGates?: boolean;
  readonly settingsName?: boolean;
  readonly out?: string;
  readonly adopt?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly days?: string;
  readonly config?: string;
  readonly verbose?: boolean;
  readonly dryRun?: boolean;
  readonly set?: string[];
  readonly printJob?: boolean;
  readonly coins?: string;
}

/**
 * The flags as a job.
 * @param command that a person gave
 * @throws MinutehandError USAGE
 */
export function directionJobOf(flags: DirectionFlags, settings: Settings, command = 'direction train'): DirectionJob {
  const number = (text: string, option: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!(value >= 0 && value < Infinity))
      throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: 'a number ≥ 0' });
    return value;
  };
  if (flags.threshold !== undefined && flags.sigmas !== undefined)
    throw new MinutehandError('USAGE', { seen: '--threshold and --sigmas', expected: 'one of them' });
  if (flags.market !== undefined && flags.data === undefined)
    throw new MinutehandError('USAGE', {
      seen: `--market ${flags.market} without --data`,
      expected: '--data <folder>',
    });
  if (flags.adopt === true && flags.out !== undefined)
    throw new MinutehandError('USAGE', { seen: '--adopt with --out', expected: 'one of them' });
  for (const [other, isGiven] of Object.entries({ '--adopt': flags.adopt, '--print-job': flags.printJob }))
    if (flags.dryRun === true && isGiven === true)
      throw new MinutehandError('USAGE', { seen: `--dry-run with ${other}`, expected: 'one of them' });
  const threshold = flags.sigmas ?? flags.threshold;
  const trials = parseInteger(flags.trials, '--trials');
  const classWeightRatio = number(flags.classWeightRatio, '--class-weight-ratio');
  if (classWeightRatio > 1)
    throw new MinutehandError('USAGE', { seen: `--class-weight-ratio ${classWeightRatio}`, expected: 'from 0 to 1' });
  if (flags.balancePenalty === true && trials === 0)
    throw new MinutehandError('USAGE', { seen: '--balance-penalty without --trials', expected: '--trials <n>' });
  const peers = chosen<TrainEngine>(flags.peers, TRAIN_ENGINES, '--peers');
  const learner = learnerOf(flags, peers, settings);
  const own = flags.set?.filter((text) => !isEnsembleSetting(text)) ?? [];
  return {
    kind: 'direction',
    // Bars of files count as live ones.
    market: flags.market ?? (flags.data === undefined ? settings.minutehand.market : 'live'),
    timeframe: flags.timeframe,
    symbols:
      flags.symbols === undefined
        ? defaultSymbols(settings, flags.timeframe)
        : [...parseSymbolList(flags.symbols, '--symbols', NO_SYMBOL_NAMES)],
    window: parseWindow(flags),
    source: { folder: flags.data ?? null, series: flags.series ?? null },
    seed: parseInteger(flags.seed, '--seed'),
    parameters: {
      label: {
        unit: flags.sigmas === undefined ? 'percent' : 'sigmas',
        threshold: threshold === undefined ? EVALUATION_LABEL.threshold : number(threshold, '--threshold'),
        horizon:
          flags.horizon === undefined
            ? evaluationBars(TIMEFRAMES[flags.timeframe])
            : parseInteger(flags.horizon, '--horizon', 1),
      },
      balance: flags.balance,
      class_weight_ratio: classWeightRatio,
      trials,
      balance_penalty: flags.balancePenalty === true,
      stride: parseInteger(flags.stride, '--stride', 1),
      taker_fee_bps: parseCostBps(flags.feeBps, '--fee-bps'),
      slippage_bps: parseCostBps(flags.slippageBps, '--slippage-bps'),
      compare: chosen(flags.compare, DIRECTION_BALANCES, '--compare'),
      peers,
      ...learner,
      ...(flags.coins !== undefined && { coins: parseInteger(flags.coins, '--coins') }),
      ...(own.length > 0 && { settings: settingsOf(own, trials) }),
    },
    // Without a folder to write to, it measures.
    output: {
      folder: flags.out ?? null,
      ...(flags.settingsName === true && { settings_name: true }),
      is_dry_run: flags.out === undefined && flags.adopt !== true,
    },
    adopt: flags.adopt === true,
    resources: { workers: parseInteger(flags.workers, '--workers', 1) },
    trigger: { code: 'command', values: { command } },
  };
}

/**
 * The learner, with the members and the settings of ensembles that are given.
 * @throws MinutehandError USAGE
 */
function learnerOf(
  { engine: name, members: list, set = [], device }: DirectionFlags,
  peers: readonly TrainEngine[],
  settings: Settings,
): ReturnType<typeof learnerParameters> {
  const engine = parseEngine(name) ?? undefined;
  const trained = directionEngine(engine, settings);
  const members = list === undefined ? undefined : parseMembers(list, trained, settings);
  const engines = [trained, ...peers];
  const ensemble = parseEnsemble({ set: set.filter(isEnsembleSetting), members, engines }, settings);
  return learnerParameters({ engine, ensemble, peers, device }, settings);
}

/** @throws MinutehandError USAGE */
function settingsOf(given: readonly string[], trials: number): DirectionSettings {
  const settings = parseSettings(given, [...DIRECTION_SETTINGS, ...ENSEMBLE_SETTINGS], directionSettingsSchema);
  const range = Object.keys(settings).find((name) => name.startsWith('search.'));
  if (range !== undefined && trials === 0)
    throw new MinutehandError('USAGE', { seen: `--set ${range} without --trials`, expected: '--trials <n>' });
  return settings;
}

function chosen<T extends string>(list: string | undefined, all: readonly T[], option: string): T[] {
  if (list === undefined) return [];
  if (list === 'all') return [...all];
  const names = list.split(',');
  const unknown = names.find((name) => !all.includes(name as T));
  if (unknown !== undefined) throw unknownName(option, unknown, ['all', ...all]);
  return names as T[];
}
