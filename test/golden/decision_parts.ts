import { join } from 'node:path';
import { replayBars } from '../../daemon/replay.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { directionFolder, liveInstrumentSchema } from '../../shared/bundle/direction/active_direction.ts';
import { loadDirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { parsePair, TIMEFRAMES } from '../../shared/pair.ts';
import { decisionPolicy, type Settings } from '../../shared/policy/policy.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import {
  backtestPeriod,
  ROWS_PER_SCORE,
  type TradeRecord,
  VIEWS,
} from '../../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { writeTinyDirection } from '../tiny_direction.ts';
import { tinyBars, tinySettings } from '../tiny_settings.ts';
import type { GoldenPart } from './part.ts';
import { asValue, shortHash, type Value } from './values.ts';
import { LEARNED_MINUTES, type Workshop } from './workshop.ts';

export async function withModels<T>(path: string, settings: Settings, rows: number, work: (set: ModelSet) => T) {
  const set = await loadModelSet(path, featureSchema(settings.minutehand.windows), rows);
  try {
    return await work(set);
  } finally {
    await set.release();
  }
}

/** Numbers as they are: a trade differs from another one by any bit of them. */
function tradeLine(trade: TradeRecord): string {
  const { pairId, side, entrySignalTime, exitSignalTime, reason, beta, scale, costBps, swapBps } = trade;
  const fills = [...trade.entryPrices, ...trade.exitPrices].join(' ');
  return [pairId, side, entrySignalTime, exitSignalTime, reason, beta, scale, costBps, swapBps, fills].join(' ');
}

export async function backtestValues(
  path: string,
  settings: Settings,
  bars: ReadonlyMap<string, BarColumns>,
  from: OpenTime,
): Promise<Value> {
  return withModels(path, settings, ROWS_PER_SCORE, async (set) => {
    const { bundles, bars: decided } = await backtestPeriod({
      pairs: settings.minutehand.pairs.map(parsePair),
      bars,
      from,
      sets: [set],
      policy: decisionPolicy(settings),
      labels: datasetPolicy(settings),
      costs: settings.minutehand.symbols,
      workers: 0,
      onProgress: () => undefined,
    });
    const bundle = bundles[0]!;
    const views = VIEWS.map((view) => {
      const { total, trades, curve, executability, interval } = bundle[view];
      const figures = asValue({ total, executability, interval });
      return [view, { trades: trades.map(tradeLine), figures, curve: shortHash(curve) }] as const;
    });
    return { bars: decided, ...Object.fromEntries(views), models: asValue(bundle.models) };
  });
}

const backtestPart: GoldenPart = {
  name: 'backtest',
  what: 'trades, costs and figures of the trained bundle on later bars',
  depth: 2,
  figures: VIEWS.map((view) => `${view}/trades/length`),
  async measure(workshop) {
    const { path } = await workshop.fullTraining();
    const from = [...workshop.bars.values()][0]!.time[LEARNED_MINUTES]! as OpenTime;
    return backtestValues(path, workshop.settings, workshop.firstBars(2 * LEARNED_MINUTES), from);
  },
};

/** The deterministic part of a signal, which its envelope follows. */
function bodyIn(text: string): string {
  return text.slice(0, text.indexOf(',"schema":'));
}

export interface ReplayInput {
  readonly settings: Settings;
  /** Of the pairs' models. */
  readonly path: string;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly from: OpenTime;
  /** Seconds of bar time that share a line of the record. */
  readonly every: number;
  readonly directions?: Parameters<typeof replayBars>[0]['directions'];
}

/** Signals that are written out. */
const ACTED = 30;

/** Bodies of all signals: a hash for every stretch of time, counts by action and reason, the first that are no HOLD. */
export async function replayValues({
  settings,
  path,
  bars,
  from,
  every,
  directions = [],
}: ReplayInput): Promise<Value> {
  const { pairs, instruments } = settings.minutehand;
  return withModels(path, settings, pairs.length, async (models) => {
    const stretches = new Map<string, string[]>();
    const counts: Record<string, number> = {};
    const acted: string[] = [];
    let stretch: string[] = [];
    const { sha256, signals, minutes } = await replayBars({
      settings,
      pairIds: [...pairs, ...instruments],
      clock: MACHINE_CLOCK,
      bootId: 'golden',
      bars,
      models,
      directions,
      from,
      to: Number.MAX_SAFE_INTEGER as OpenTime,
      onSignals(batch) {
        for (const { text } of batch) {
          const body = bodyIn(text);
          const { pair_id, action, reason, mode } = JSON.parse(text) as SignalBody;
          const kind = `${pair_id} ${action} ${reason} ${mode}`;
          counts[kind] = (counts[kind] ?? 0) + 1;
          stretch.push(body);
          if (action !== 'HOLD' && acted.length < ACTED) acted.push(body);
        }
      },
      onMinute(time) {
        if (time < from) return;
        const name = new Date(Math.floor(time / every) * every * 1000).toISOString();
        if (!stretches.has(name)) stretches.set(name, []);
        stretches.get(name)!.push(...stretch);
        stretch = [];
      },
    });
    const hashes = [...stretches].map(([name, bodies]) => [name, `${bodies.length} ${shortHash(bodies.join('\n'))}`]);
    return {
      minutes,
      signals,
      counts: Object.fromEntries(Object.entries(counts).sort()),
      acted,
      stretches: Object.fromEntries(hashes) as Record<string, string>,
      sha256,
    };
  });
}

const INSTRUMENT = 'XAUUSD@5m';

const replayPart: GoldenPart = {
  name: 'replay',
  what: 'signals of three pairs and an instrument, two simulated days',
  figures: ['minutes', 'signals'],
  async measure(workshop) {
    const { path } = await workshop.fullTraining();
    const settings = tinySettings({ minutehand: { instruments: [INSTRUMENT] } });
    const models = workshop.folder('replay');
    const version = writeTinyDirection(models, 'XAUUSD', '5m', new Date('2024-01-05T12:00:00Z'));
    const schema = liveInstrumentSchema(TIMEFRAMES['5m']);
    const loaded = await loadDirectionModel(join(directionFolder(models), version), schema, 1);
    // Ids of signals are derived from it: here they are to be the same whatever the manifest states.
    const set = { ...loaded, modelsHash: 'golden' };
    return replayValues({
      settings,
      path,
      bars: workshop.firstBars(2 * LEARNED_MINUTES),
      from: minuteOf(workshop, LEARNED_MINUTES - 480),
      every: 3600,
      directions: [{ timeframe: '5m', set }],
    });
  },
};

function minuteOf({ bars }: Workshop, index: number): OpenTime {
  return [...bars.values()][0]!.time[index]! as OpenTime;
}

const DAY = 86_400;
/** Open minutes of about 31 days. */
const MONTH = 32_000;

const monthPart: GoldenPart = {
  name: 'replay_month',
  what: 'signals of three pairs, a simulated month',
  figures: ['minutes', 'signals'],
  async measure(workshop) {
    const { settings } = workshop;
    const { path } = await workshop.fullTraining();
    const bars = tinyBars(settings, LEARNED_MINUTES + MONTH);
    return replayValues({ settings, path, bars, from: minuteOf(workshop, LEARNED_MINUTES), every: DAY });
  },
};

export const DECISION_PARTS: readonly GoldenPart[] = [backtestPart, replayPart, monthPart];
