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
import { parsePair } from '../shared/pair.ts';
import { tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy } from '../shared/policy/policy.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

/* One limit of exposure: the daemon, a replay of bars and a backtest refuse the same entries for it. */

const LIMIT = 0.8;
// Pairs in the order in which the bars of a minute complete them: the order of the file.
const settings = tinySettings({
  core: { min_expected_net_bps: -1e9, require_edge: false, max_currency_exposure: LIMIT },
});
const BARS = tinyBars(settings, 700);
const FROM = [...BARS.values()][0]!.time[200]! as OpenTime;
let folder: string;
let models: ModelSet;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-one-exposure-'));
  const schema = featureSchema(settings.minutehand.windows);
  const path = writeRandomBundle(folder, { schema, trees: 4, leaves: 4, seed: 'one exposure' });
  const loaded = await loadModelSet(path, schema, ROWS_PER_SCORE);
  models = { ...loaded, theta1: 0, theta2: 1, hasEdge: () => true };
});
afterAll(async () => {
  await models.release();
  rmSync(folder, { recursive: true, force: true });
});

/** Entries, exits and refusals by exposure, as `pair close reason`. */
function told(signals: readonly Signal[]): string[] {
  return signals
    .filter(({ action, reason }) => action !== 'HOLD' || reason === 'EXPOSURE')
    .map(({ pair_id, timestamp, reason }) => `${pair_id} ${Date.parse(timestamp) / 1000} ${reason}`)
    .sort();
}

async function live(): Promise<readonly Signal[]> {
  const bench = openBench(settings);
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
    bootId: 'one exposure',
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
  const refused = events.filter((line) => line.endsWith('EXPOSURE'));
  expect(refused.length).toBeGreaterThan(20);
  expect(events.filter((line) => line.endsWith('ENTRY')).length).toBeGreaterThan(20);
  expect(told(await replay())).toEqual(events);
  const { trades, total } = await backtest();
  const last = Math.max(...[...BARS.values()].map(({ time, length }) => time[length - 1]!)) + 60;
  const traded = trades.flatMap(({ pairId, entrySignalTime, exitSignalTime, reason }) => [
    `${pairId} ${entrySignalTime} ENTRY`,
    ...(exitSignalTime === null ? [] : [`${pairId} ${exitSignalTime} ${reason}`]),
  ]);
  // Nothing is decided at the last bar, and an entry at the one before would be filled where it is closed.
  const isTraded = (line: string): boolean => !line.endsWith('EXPOSURE') && Number(line.split(' ')[1]) < last - 60;
  expect(traded.filter((line) => isTraded(line)).sort()).toEqual(events.filter((line) => isTraded(line)));
  expect(total.refusals.EXPOSURE).toBe(refused.filter((line) => Number(line.split(' ')[1]) < last).length);
});

it('no entry leaves a currency above its limit by which it rose', async () => {
  const held = new Map<string, Signal>();
  const exposures = (): Map<string, number> => {
    const sums = new Map<string, number>();
    for (const { target, pair_id, beta } of held.values()) {
      const [a, b] = pair_id.split('_') as [string, string];
      const legs = [
        [a, target / (1 + Math.abs(beta!))],
        [b, (-target * beta!) / (1 + Math.abs(beta!))],
      ] as const;
      for (const [symbol, amount] of legs)
        for (const [currency, sign] of [
          [symbol.slice(0, 3), 1],
          [symbol.slice(3), -1],
        ] as const)
          sums.set(currency, (sums.get(currency) ?? 0) + sign * amount);
    }
    return sums;
  };
  let entries = 0;
  for (const signal of await live()) {
    if (signal.action === 'EXIT') held.delete(signal.pair_id);
    if (signal.action !== 'ENTER') continue;
    const before = exposures();
    held.set(signal.pair_id, signal);
    entries++;
    for (const [currency, net] of exposures())
      expect(Math.abs(net) <= Math.max(LIMIT, Math.abs(before.get(currency) ?? 0)) + 1e-9).toBe(true);
  }
  expect(entries).toBeGreaterThan(20);
});
