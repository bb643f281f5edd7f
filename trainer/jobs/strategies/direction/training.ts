import { liveInstrumentSchema } from '../../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import { prepareDirection } from '../../../../shared/bundle/direction/direction_model.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, TIMEFRAMES, type Timeframe } from '../../../../shared/pair.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import { STRATEGIES } from '../../../../shared/strategies/registry.ts';
import { triggerText } from '../../../../shared/run_trigger/trigger_text.ts';
import { paramsWith, walkForwardWith } from '../../../learning/strategies/direction/direction_settings.ts';
import { evaluationBars } from '../../../learning/strategies/direction/label/direction.ts';
import { directionSearchFits } from '../../../learning/strategies/direction/search_direction.ts';
import {
  DIRECTION_PARAMS,
  DIRECTION_WALK_FORWARD,
  refuseUnfitWays,
} from '../../../learning/strategies/direction/train_direction.ts';
import { treeFitsOf } from '../../../learning/learners/registry.ts';
import { DIRECTION_DEFAULTS, DIRECTION_SEED, defaultLabel, directionEngine } from '../../kinds/direction_defaults.ts';
import { planOf } from '../../kinds/run_direction.ts';
import type { DirectionJob } from '../../kinds/direction_job.ts';
import { learnerParameters } from './learner_parameters.ts';
import type { RunParameters } from '../../kinds/run_parameters.ts';
import { verifyDirectionDeeply } from './verify_direction.ts';
import { DIRECTION_COMPARISON } from './live_comparison.ts';
import { directionMetadata } from './metadata.ts';
import type { StrategyTraining, TrainingRun } from '../strategy_training.ts';
import { timeframeOfDirection } from '../../../../shared/subject/slot.ts';

/** Bars of a block of the bootstrap, as many times the bars over which labels overlap. */
const BLOCK_HORIZONS = 3;

/** `direction`: one model, in one slot, for the instruments of each timeframe. */
export const DIRECTION_TRAINING: StrategyTraining = {
  shelf: 'direction',
  runs: STRATEGIES.direction.runs,
  jobs: ['direction'],

  requested: (kind, timeframe, settings) => ({ kind, parameters: directionParameters(settings, timeframe) }),

  retraining: (slot, _isFull, settings) => ({
    kind: 'direction',
    parameters: directionParameters(settings, timeframeOfDirection(slot)),
  }),

  roundOf: (settings) =>
    [...configuredDirections(settings).keys()].map((timeframe) => directionParameters(settings, timeframe)),

  jobOf: directionJobOf,

  refuseUnusable(settings) {
    if (settings.minutehand.instruments.length === 0) return;
    const parameters = { ...DIRECTION_DEFAULTS, label: defaultLabel('1h'), ...learnerParameters({}, settings) };
    const job = { parameters: { ...parameters, compare: [], peers: [] }, seed: 0, resources: { workers: 1 } };
    refuseUnfitWays(planOf(job, settings));
  },

  workOf({ parameters: { trials = DIRECTION_DEFAULTS.trials, direction_settings = {}, ...chosen } }, settings) {
    const { blocks } = walkForwardWith(DIRECTION_WALK_FORWARD, direction_settings);
    const { rounds } = paramsWith(DIRECTION_PARAMS, direction_settings);
    const engine = directionEngine(chosen.direction_engine, settings);
    const members = treeFitsOf({ ...settings.minutehand.train, ...chosen.ensemble, engine });
    return (blocks + 1 + (trials === 0 ? 0 : directionSearchFits(trials))) * members * rounds;
  },

  // One coin, hours of two years.
  firstStages: [
    { stage: 'reading bars', duration_ms: 4 },
    { stage: 'features and labels', duration_ms: 10 },
    { stage: 'walk-forward', duration_ms: 24 },
    { stage: 'model of all rows', duration_ms: 10 },
    { stage: 'report', duration_ms: 52 },
  ],

  comparison: DIRECTION_COMPARISON,

  overlapOf(slot) {
    const horizon = evaluationBars(TIMEFRAMES[timeframeOfDirection(slot)]);
    return { horizon, block: BLOCK_HORIZONS * horizon };
  },

  metadataOf: directionMetadata,

  async verify(folder) {
    const { timeframe } = readDirectionBundle(folder).manifest;
    return (await prepareDirection(folder, liveInstrumentSchema(timeframe))).manifest.version;
  },

  verifyDeeply: (folder, options) =>
    verifyDirectionDeeply(folder, { ...options, workers: Math.max(1, options.workers) }),
};

/** Instruments of the configuration by their timeframe, the shortest first. */
export function configuredDirections({ minutehand }: Pick<Settings, 'minutehand'>): ReadonlyMap<Timeframe, string[]> {
  const instruments = minutehand.instruments.map(parseInstrument).sort((a, b) => barSecondsOf(a) - barSecondsOf(b));
  const found = new Map<Timeframe, string[]>();
  for (const instrument of instruments) {
    const timeframe = timeframeOf(barSecondsOf(instrument));
    found.set(timeframe, [...(found.get(timeframe) ?? []), instrument.a]);
  }
  return found;
}

/**
 * What a run of the direction model of a timeframe trains: the configured instruments.
 * @param timeframe may be absent where all instruments have the same one
 * @throws MinutehandError RETRAIN_KIND without such an instrument, or with several timeframes and none named
 */
export function directionParameters(settings: Pick<Settings, 'minutehand'>, timeframe?: string): RunParameters {
  const all = configuredDirections(settings);
  const names = [...all.keys()];
  const chosen = names.find((name) => name === timeframe) ?? (timeframe === undefined ? names[0] : undefined);
  const isClear = timeframe !== undefined || names.length === 1;
  if (chosen !== undefined && isClear) return { symbols: all.get(chosen)!, timeframe: chosen };
  throw new MinutehandError('RETRAIN_KIND', {
    seen: `kind=direction${timeframe === undefined ? '' : ` of the timeframe ${timeframe.slice(0, 20)}`}`,
    expected:
      names.length === 0
        ? 'instruments in config/minutehand.yaml'
        : `a timeframe of the instruments: ${names.join(', ')}`,
    next:
      names.length === 0
        ? 'Add instruments such as BTCUSDT@1h, or name symbol and timeframe: POST /api/ml-training/train.'
        : `Send ?kind=direction&timeframe=${names[0]}.`,
  });
}

/** @throws RangeError for a run without instruments or timeframe, which no door begins */
function directionJobOf({ trigger, parameters }: TrainingRun, settings: Settings, workers: number): DirectionJob {
  const { minutehand } = settings;
  const { symbols, timeframe, horizon, threshold, direction_engine, ensemble, direction_balance, direction_settings } =
    parameters;
  if (symbols === undefined || timeframe === undefined)
    throw new RangeError(`the run "${triggerText(trigger)}" of a direction model names no instruments or no timeframe`);
  const label = defaultLabel(timeframe);
  return {
    kind: 'direction',
    market: minutehand.market,
    timeframe,
    symbols: [...symbols],
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    source: { folder: null, series: null },
    seed: parameters.seed ?? DIRECTION_SEED,
    parameters: {
      ...DIRECTION_DEFAULTS,
      compare: [],
      peers: [],
      trials: parameters.trials ?? DIRECTION_DEFAULTS.trials,
      label: { ...label, threshold: threshold ?? label.threshold, horizon: horizon ?? label.horizon },
      ...learnerParameters({ engine: direction_engine, ensemble }, settings),
      ...(direction_balance && { balance: direction_balance }),
      ...(direction_settings && { settings: direction_settings }),
    },
    output: { folder: null, is_dry_run: false },
    adopt: true,
    resources: { workers },
    trigger,
  };
}
