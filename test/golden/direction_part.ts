import { join } from 'node:path';
import type { InstrumentWindows } from '../../shared/core/features/instrument/definitions.ts';
import { loadDirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { instrumentSchema } from '../../shared/bundle/feature_schema.ts';
import type { SeriesHistory } from '../../shared/core/series/series_cursor.ts';
import { writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { SERIES_NAMES, type SeriesName } from '../../shared/core/series/series_names.ts';
import { exp } from '../../shared/elementary.ts';
import { createRng } from '../../shared/rng.ts';
import type { InstrumentBars } from '../../trainer/learning/instruments/instrument_bars.ts';
import { DELIVERED_LEARNER } from '../../trainer/learning/strategies/direction/direction_learner.ts';
import type { Instrument } from '../../trainer/learning/strategies/direction/instrument_rows.ts';
import { makeDirectionBundle } from '../../trainer/learning/strategies/direction/make_direction_bundle.ts';
import { NO_OBSERVATIONS } from '../../trainer/learning/instruments/series_files.ts';
import type { BiasLimits } from '../../trainer/learning/strategies/direction/gates/bias_limits.ts';
import {
  DIRECTION_PARAMS,
  DIRECTION_WALK_FORWARD,
  trainDirection,
  type DirectionPlan,
} from '../../trainer/learning/strategies/direction/train_direction.ts';
import {
  evaluateDirection,
  firstUnseen,
  rowsPerScore,
} from '../../trainer/learning/strategies/direction/evaluate_direction.ts';
import { EVALUATION_LABEL } from '../../trainer/learning/strategies/direction/label/direction.ts';
import { bundleValues } from './bundle_values.ts';
import type { GoldenPart } from './part.ts';
import type { Workshop } from './workshop.ts';
import { asValue, shortHash, type Value } from './values.ts';

const HOUR = 3600;
const START = 1_600_000_000 - (1_600_000_000 % HOUR);
const HOURS = 2000;
/** Of the evaluation: the first ones are those of the training. */
const LATER_HOURS = 3000;
/** A search evaluates folds of folds: each needs every class. */
const SEARCHED_HOURS = 5000;
const WINDOWS: InstrumentWindows = {
  rsi_window: 6,
  bollinger_window: 8,
  atr_window: 6,
  short_window: 8,
  medium_window: 16,
  long_window: 24,
};

/** 30 hours up, 40 flat, 30 down, 40 flat: a pattern that can be learned, for there must be trades. */
export function trendingHours(symbol: string, hours: number): InstrumentBars {
  const rng = createRng(`golden/${symbol}`);
  const time = Float64Array.from({ length: hours }, (_, hour) => START + hour * HOUR);
  const open = new Float64Array(hours);
  const close = new Float64Array(hours);
  let price = 20_000;
  for (let t = 0; t < hours; t++) {
    const phase = t % 140;
    const drift = phase < 30 ? 0.004 : phase >= 70 && phase < 100 ? -0.004 : 0;
    open[t] = price;
    price *= exp(drift + (drift === 0 ? 0.0004 : 0.002) * rng.normal());
    close[t] = price;
  }
  const volume = close.map(() => 40 + 20 * rng.uniform());
  return {
    symbol,
    timeframe: HOUR,
    length: hours,
    time,
    open,
    high: open.map((own, t) => Math.max(own, close[t]!) * 1.001),
    low: open.map((own, t) => Math.min(own, close[t]!) * 0.999),
    close,
    volume,
    takerBuyVolume: volume.map((own) => own * rng.uniform()),
  };
}

/** Writes such hours as bar files, for jobs that read a folder. @returns the folder */
export async function writeTrendingHours(folder: string, symbols: readonly string[], hours: number): Promise<string> {
  for (const symbol of symbols) {
    const { timeframe: _, takerBuyVolume, ...columns } = trendingHours(symbol, hours);
    const flow = { takerBuyVolume, trades: takerBuyVolume.map(() => NaN) };
    await writeBarFile(join(folder, `${symbol}.csv`), { ...columns, spread: null, flow });
  }
  return folder;
}

/** Every eight hours, known seven minutes later. */
function fundingOf({ time }: InstrumentBars): SeriesHistory {
  const rng = createRng('golden/funding');
  const eventTime = time.filter((_, t) => t % 8 === 0);
  return {
    length: eventTime.length,
    eventTime,
    arrivalTime: eventTime.map((event) => event + 420),
    value: eventTime.map(() => 0.0001 * rng.normal()),
  };
}

function instrumentOf(symbol: string, hours: number): Instrument {
  const bars = trendingHours(symbol, hours);
  const none = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS]));
  return { bars, series: { ...(none as Record<SeriesName, SeriesHistory>), funding_rate: fundingOf(bars) } };
}

/** Trials are not penalized for the shares of their calls. */
const BIAS_LIMITS: BiasLimits = {
  prediction: [0.1, 0.9],
  mean: [0.4, 0.6],
  buyRatio: null,
  hourBuyRatio: null,
  bullBuyRatio: null,
  bearSellRatio: null,
  variance24h: null,
};

const PLAN: DirectionPlan = {
  windows: WINDOWS,
  label: EVALUATION_LABEL,
  learner: DELIVERED_LEARNER,
  balance: 'class_weights',
  classWeightRatio: 1,
  stride: 1,
  params: { ...DIRECTION_PARAMS, rounds: 15, learningRate: 0.2, leaves: 6, minDataInLeaf: 30 },
  walkForward: { ...DIRECTION_WALK_FORWARD, blocks: 4 },
  costs: { takerFeeBps: 5, slippageBps: 1 },
  f1Floor: null,
  biasLimits: BIAS_LIMITS,
  search: null,
  seed: '1',
  workers: 0,
  balances: ['none'],
  peers: ['random_forest'],
};

const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];

/** A trained model of the direction, and the folder of its bundle. */
async function trainBundle(plan: DirectionPlan, hours: number, folder: string) {
  const instruments = SYMBOLS.map((symbol) => instrumentOf(symbol, hours));
  const trained = await trainDirection(instruments, plan, () => undefined);
  const manifest = await makeDirectionBundle({
    instruments,
    plan,
    trained,
    out: folder,
    created: new Date('2024-01-05T12:00:00Z'),
    gitCommit: null,
    market: 'simulated',
  });
  return { trained, path: join(folder, manifest.version) };
}

const plainBundle = (workshop: Workshop) =>
  workshop.once('direction', () => trainBundle(PLAN, HOURS, workshop.folder('direction')));

function trainedValues({ trained, path }: Awaited<ReturnType<typeof trainBundle>>): Value {
  const { rows, net, blocks, theta, trees, search, others } = trained;
  return {
    rows: { count: rows.time.length, times: shortHash(rows.time), features: shortHash(rows.x.values) },
    blocks: blocks.length,
    theta,
    trees,
    search: asValue(search),
    bundle: bundleValues(path),
    trades: asValue(net.trades),
    // Without seconds and memory, which are of the machine.
    others: others.map(({ cost: _, ...measured }) => asValue(measured)),
  };
}

const OF_TRAINED: Pick<GoldenPart, 'depth' | 'figures'> = {
  depth: 3,
  figures: [
    'rows/count',
    'theta',
    'trees',
    'trades/length',
    'bundle/manifest/metrics/log_loss',
    'bundle/manifest/metrics/net_bps',
  ],
};

export const DIRECTION_PARTS: readonly GoldenPart[] = [
  {
    name: 'direction',
    what: 'direction model of two instruments with a funding series: walk-forward, trades, bundle',
    ...OF_TRAINED,
    measure: async (workshop) => trainedValues(await plainBundle(workshop)),
  },
  {
    name: 'direction_search',
    what: 'the same with a search for its parameters, 4 trials',
    ...OF_TRAINED,
    async measure(workshop) {
      const search = { trials: 4, balancePenalty: true, ranges: {} };
      const plan = { ...PLAN, balances: [], peers: [], search };
      return trainedValues(await trainBundle(plan, SEARCHED_HOURS, workshop.folder('direction search')));
    },
  },
  {
    name: 'evaluate_direction',
    what: 'that model on later hours, and on those that it has learned from',
    depth: 2,
    figures: ['later/metrics/log_loss', 'later/metrics/f1', 'later/net/trades', 'later/net/net_bps'],
    async measure(workshop) {
      const { path } = await plainBundle(workshop);
      const model = await loadDirectionModel(path, instrumentSchema(WINDOWS, HOUR), rowsPerScore);
      const { manifest } = model;
      const evaluate = async (from: number): Promise<Value> =>
        asValue(
          await evaluateDirection({
            manifest,
            infer: model.infer.bind(model),
            novelty: model.novelty,
            instruments: SYMBOLS.map((symbol) => instrumentOf(symbol, LATER_HOURS)),
            from,
            to: Infinity,
            costs: PLAN.costs,
            f1Floor: 0.3,
            biasLimits: BIAS_LIMITS,
            seed: '1',
            countLook: () => 2,
          }),
        );
      try {
        return { later: await evaluate(firstUnseen(manifest)), learned: await evaluate(START) };
      } finally {
        await model.release();
      }
    },
  },
];
