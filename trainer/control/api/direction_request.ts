import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { DIRECTION_BALANCE } from '../../../shared/policy/balances.ts';
import type { TrainEngine } from '../../../shared/policy/engines.ts';
import { networkSettingsOf } from '../../../shared/policy/network_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { directionEngine } from '../../jobs/kinds/direction_defaults.ts';
import { refuseIdleFigures } from '../../learning/learners/networks/network_parameters.ts';
import { learnersIn } from '../../learning/learners/registry.ts';
import { directionLearner, refuseUnfitLearner } from '../../learning/strategies/direction/direction_learner.ts';
import type { ChosenLearner } from './ensemble_request.ts';
import { isInstrument, parseSubject, type Timeframe, TIMEFRAME_NAMES, timeframeOf } from '../../../shared/pair.ts';
import { readSymbol } from '../../../shared/symbol/symbol.ts';
import { spelledTimeframe } from '../../../shared/timeframe_spelling.ts';
import {
  directionSettingsSchema,
  type DirectionSettings,
} from '../../learning/strategies/direction/direction_settings.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import type { MLTrainingConfig } from '../schema/training.ts';
import { ALL_SUBJECTS } from './spelled_subjects.ts';
import {
  beyondLimit,
  instantOf,
  rangesOf,
  refuseGenerators,
  refuseOfOtherLearners,
  rest,
  treesOf,
  trialsOf,
  unsupported,
  validationShare,
} from './training_options.ts';

/** Bars of an instrument when a request names no timeframe. */
const DEFAULT_TIMEFRAME: Timeframe = '1h';

/** What a request trains the direction model of; null: the models of all pairs. */
export function directionOf({ symbol, timeframe }: MLTrainingConfig): { symbol: string; timeframe: Timeframe } | null {
  if (symbol === undefined || symbol === ALL_SUBJECTS) return null;
  const asked = timeframe === undefined ? undefined : knownTimeframe(timeframe);
  const subject = subjectOf(symbol);
  if (subject === null || !isInstrument(subject))
    throw unsupported(
      'symbol',
      symbol,
      'an instrument such as BTC/USDT, or all: models of pairs learn all of them',
      nextForSymbol(symbol),
    );
  const own = subject.barSeconds === undefined ? undefined : timeframeOf(subject.barSeconds);
  if (own !== undefined && asked !== undefined && own !== asked)
    throw unsupported('timeframe', timeframe, `${own}, as the symbol ${symbol} says`, 'Leave one of them out.');
  return { symbol: subject.a, timeframe: own ?? asked ?? DEFAULT_TIMEFRAME };
}

/** What a name may mean, such as `BTCUSDT` of `BINANCE:BTCUSDT`, is proposed and not guessed. */
function nextForSymbol(name: string): string {
  const reading = readSymbol(name);
  if (reading.symbol !== null || reading.candidates.length === 0 || name.includes('_'))
    return 'Give one symbol, or leave it out to train the models of all pairs.';
  return `Give ${reading.candidates.join(' or ')}, or map the name for good: symbol_names in config/minutehand.yaml.`;
}

function subjectOf(symbol: string) {
  try {
    return parseSubject(symbol);
  } catch {
    return null;
  }
}

function knownTimeframe(text: string): Timeframe {
  const timeframe = spelledTimeframe(text);
  if (timeframe !== null) return timeframe;
  throw unsupported('timeframe', text, TIMEFRAME_NAMES.join(', '), 'Give one of these; shorter bars are joined to it.');
}

/** The settings of a request for a direction model: its engine is the configured one of direction models. */
export function ofDirection(settings: Settings): Settings {
  const { minutehand } = settings;
  const engine = directionEngine(undefined, settings);
  return { ...settings, minutehand: { ...minutehand, train: { ...minutehand.train, engine } } };
}

/**
 * Converts a request to the parameters of a training of the direction model.
 * @param learner that the request chooses, of `ofDirection` settings
 * @throws MinutehandError SETTING_UNSUPPORTED for values that would not act, LEARNER_TASK for a learner that cannot
 * learn a direction model, LEARNER_MISSING
 */
export function directionParametersOf(
  config: MLTrainingConfig,
  { symbol, timeframe }: { readonly symbol: string; readonly timeframe: Timeframe },
  learner: ChosenLearner,
  settings: Settings,
): RunParameters {
  const { kind, prediction_horizon } = config;
  if (kind !== 'full')
    throw unsupported('kind', kind, 'full: a direction model has no warm start and no θ2', 'Omit it.');
  const engine = learner.engine ?? settings.minutehand.train.engine;
  refuseUnfit(config, engine, learner, settings);
  if (config.features !== undefined)
    throw unsupported(
      'features',
      config.features,
      'no value: those of an instrument are computed of its bars',
      'Omit it, or train the models of pairs: symbol all.',
    );
  for (const role of MODEL_NAMES)
    if (config.networks?.[role] !== undefined)
      throw unsupported(
        `networks.${role}`,
        JSON.stringify(config.networks[role]),
        'no value: an instrument has one model',
        'Give its figures in networks itself.',
      );
  for (const role of ['ai1', 'ai2'] as const)
    if (config.balance?.[role] !== undefined)
      throw unsupported(
        `balance.${role}`,
        config.balance[role],
        'no value: an instrument has balance.direction',
        'Give balance.direction.',
      );
  refuseGenerators(config);
  const options = {
    seed: config.random_state,
    trials: trialsOf(config),
    from: instantOf(config.start_date),
    to: instantOf(config.end_date, 'end'),
    horizon: prediction_horizon,
    threshold: thresholdOf(config),
    direction_engine: learner.engine === undefined ? undefined : engine,
    ensemble: learner.ensemble,
    direction_balance: config.balance?.direction,
    direction_settings: settingsOf(config),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(given) as RunParameters), symbols: [symbol], timeframe };
}

/**
 * The return from which a bar is labeled up or down; undefined: the delivered one.
 * @throws MinutehandError SETTING_UNSUPPORTED for none, or for two that differ
 */
function thresholdOf({ threshold_up: up, threshold_down: down }: MLTrainingConfig): number | undefined {
  const below = down === undefined ? undefined : Math.abs(down);
  if (below === 0 || (up !== undefined && below !== undefined && up !== below))
    throw unsupported(
      'threshold_down',
      down,
      up === undefined ? 'a return other than 0' : `-${up}: the label is symmetric`,
      'Omit it: threshold_up sets both.',
    );
  return up ?? below;
}

/**
 * Trees, blocks and ranges that a request names otherwise than they are delivered; undefined: none.
 * @throws MinutehandError SETTING_UNSUPPORTED for values beyond a limit
 */
function settingsOf(config: MLTrainingConfig): DirectionSettings | undefined {
  const trees = Object.entries(treesOf(config)).map(([name, value]) => [`trees.${name}`, value] as const);
  const share = validationShare(config);
  const wanted: Record<string, number | undefined> = {
    ...Object.fromEntries(trees),
    'walk_forward.blocks': config.cross_validation_folds,
    'walk_forward.first_share': share === undefined ? undefined : rest(share),
    ...rangesOf(config),
    ...networkSettingsOf(config.networks ?? {}),
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  const { data, error } = directionSettingsSchema.safeParse(Object.fromEntries(given));
  const issue = error?.issues[0];
  if (issue === undefined) return data;
  throw beyondLimit(String(issue.path[0]), wanted, issue.message);
}

/** Refuses a learner that cannot learn a direction model, and what would not act with the one that can. */
function refuseUnfit(
  config: MLTrainingConfig,
  engine: TrainEngine,
  { ensemble }: ChosenLearner,
  { minutehand: { train } }: Settings,
): void {
  const own = directionLearner(engine, { ...train, ...ensemble });
  const { direction: balance = DIRECTION_BALANCE } = config.balance ?? {};
  refuseUnfitLearner(own, [balance]);
  const parts = learnersIn(engine, own.ensembles);
  refuseIdleFigures(Object.keys(networkSettingsOf(config.networks ?? {})), parts);
  refuseOfOtherLearners(config, {
    engine,
    parts,
    searches: 'trees and networks',
  });
}
