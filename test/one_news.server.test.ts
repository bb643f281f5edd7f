import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { byMinute, openBench } from '../daemon/pipeline.fixture.ts';
import { barInput } from '../daemon/queue/input.ts';
import { replayBars } from '../daemon/replay.ts';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { asKnown } from '../shared/calendar/calendar_text.ts';
import { IMPORTANCES } from '../shared/core/news/news_event.ts';
import { parsePair } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy } from '../shared/policy/policy.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

/* One calendar of news: the daemon, a replay of bars and a backtest refuse the same entries for it, and close alike. */

const NEWS_STOP = { importance: 'medium', minutes_before: 10, minutes_after: 5, close: true } as const;
const configured = tinySettings({
  core: { min_expected_net_bps: -1e9, require_edge: false, news_stop: NEWS_STOP },
});
const BARS = tinyBars(configured, 700);
const OPENS = [...BARS.values()][0]!.time;
const EVENTS = (['USD', 'JPY', 'NZD', 'EUR'] as const).flatMap((currency, i) =>
  [230, 300, 410, 520, 640].map((minute, k) => ({
    time: OPENS[minute + 17 * i]!,
    currency,
    importance: IMPORTANCES[(i + k) % 3]!,
    name: 'an event',
  })),
);
const settings = { ...configured, news: EVENTS.map(asKnown) };
const FROM = [...BARS.values()][0]!.time[200]! as OpenTime;
let folder: string;
let models: ModelSet;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-one-news-'));
  const schema = featureSchema(settings.minutehand.windows);
  const path = writeRandomBundle(folder, { schema, trees: 4, leaves: 4, seed: 'one news' });
  const loaded = await loadModelSet(path, schema, ROWS_PER_SCORE);
  models = { ...loaded, theta1: 0, theta2: 1, hasEdge: () => true };
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});

/** Entries, exits and refusals by news, as `pair close reason`. */
function told(signals: readonly Signal[]): string[] {
  return signals
    .filter(({ action, reason }) => action !== 'HOLD' || reason === 'NEWS')
    .map(({ pair_id, timestamp, reason }) => `${pair_id} ${Date.parse(timestamp) / 1000} ${reason}`)
    .sort();
}

async function live(): Promise<readonly Signal[]> {
  // It knows the events from the journal alone.
  const bench = openBench(configured);
  bench.pipeline.inputs.apply({ kind: 'news', events: EVENTS });
  bench.pipeline.inputs.apply({ kind: 'swap', set: models });
  for (const { time, bars } of byMinute(BARS)) {
    for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, time < FROM));
    await bench.pipeline.settled();
  }
  return bench.signals;
}

async function replay(): Promise<readonly Signal[]> {
  const signals: Signal[] = [];
  await replayBars({
    settings,
    pairIds: settings.minutehand.pairs,
    bars: BARS,
    models,
    clock: MACHINE_CLOCK,
    bootId: 'one news',
    from: FROM,
    to: Infinity as OpenTime,
    onSignals: (batch) => signals.push(...batch.map(({ text }) => JSON.parse(text) as Signal)),
    onMinute: () => undefined,
  });
  return signals;
}

async function backtest() {
  const { bundles } = await backtestPeriod({
    pairs: settings.minutehand.pairs.map(parsePair),
    bars: BARS,
    from: FROM,
    sets: [models],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings),
    workers: 0,
    onProgress: () => undefined,
  });
  return bundles[0]!.all_pairs;
}

it('refuses the same entries in a daemon, a replay and a backtest', async () => {
  const signals = await live();
  const events = told(signals);
  const refused = events.filter((line) => line.endsWith(' NEWS'));
  expect(refused.length).toBeGreaterThan(10);
  expect(events.filter((line) => line.endsWith('ENTRY')).length).toBeGreaterThan(10);
  expect(events.filter((line) => line.endsWith('NEWS_CLOSE')).length).toBeGreaterThan(1);
  expect(told(await replay())).toEqual(events);
  const { trades, total } = await backtest();
  const last = Math.max(...[...BARS.values()].map(({ time, length }) => time[length - 1]!)) + 60;
  const traded = trades.flatMap(({ pairId, entrySignalTime, exitSignalTime, reason }) => [
    `${pairId} ${entrySignalTime} ENTRY`,
    ...(exitSignalTime === null ? [] : [`${pairId} ${exitSignalTime} ${reason}`]),
  ]);
  // Nothing is decided at the last bar, and an entry at the one before would be filled where it is closed.
  const isTraded = (line: string): boolean => !line.endsWith(' NEWS') && Number(line.split(' ')[1]) < last - 60;
  expect(traded.filter((line) => isTraded(line)).sort()).toEqual(events.filter((line) => isTraded(line)));
  expect(total.refusals.NEWS).toBe(refused.filter((line) => Number(line.split(' ')[1]) < last).length);
});
