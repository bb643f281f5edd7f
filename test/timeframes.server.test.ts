import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import { replayBars } from '../daemon/replay.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import { readAddress } from '../shared/address.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { clipBars, columnsOf, readBarFolder, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { resampleBars } from '../shared/bar_file/resampled_bars.ts';
import { screenBars } from '../shared/bar_file/screened_bars.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { parsePair } from '../shared/pair.ts';
import { homePaths } from '../shared/home.ts';
import { decisionPolicy, screenPolicy } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import type { Signal, SignalBody } from '../shared/signal/signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { isoSecond } from '../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

const PAIRS = ['5m', '15m', '1h', '4h', '1d', '30m', '12h'].map((timeframe) => `XAUUSD_XAGUSD@${timeframe}`);
const TRADED = PAIRS.slice(0, 3);
const TRADING_DAYS = 26;
const DENSE_MINUTES = TRADING_DAYS * 1440;
const MINUTES_PER_MESSAGE = 2000;
const STARTS_MS = 180_000;
const WINDOWS = {
  beta_window: 8,
  z_window: 6,
  vol_short: 5,
  vol_window: 5,
  vol_long: 6,
  atr_short: 5,
  atr_long: 6,
  stability_window: 5,
  half_life_window: 5,
  pnl_window: 5,
  activity_window: 5,
  volume_window: 6,
};

let place: Workplace;
let dense: Map<string, BarColumns>;
/** With gaps of minutes and hours, and minutes of one leg only. */
let sent: Map<string, BarColumns>;
let bundle: string;
beforeAll(async () => {
  place = createWorkplace({
    minutehand: {
      market: 'live',
      pairs: PAIRS,
      windows: WINDOWS,
      label: { horizon_bars: 10 },
      decision: { max_age_bars: 10 },
      // Weeks of bars arrive in seconds: nothing is overdue.
      feed: { interval_ms: 600_000 },
    },
  });
  const { settings } = place;
  const learned = { ...settings, minutehand: { ...settings.minutehand, pairs: TRADED } };
  dense = tinyBars(settings, DENSE_MINUTES);
  const rng = createRng('gaps');
  const minutes = byMinute(dense).filter(({ time }) => rng.uniform() < (time % 86_400 < 3 * 3600 ? 0.7 : 0.04));
  const kept = minutes.flatMap(({ bars }) => (rng.uniform() < 0.05 ? [bars[rng.integer(bars.length)]!] : bars));
  sent = new Map(
    [...dense.keys()].map((symbol) => [
      symbol,
      columnsOf(
        symbol,
        kept.filter((bar) => bar.symbol === symbol),
      ),
    ]),
  );
  ({ path: bundle } = await tinyModels(place.models, { settings: learned, bars: dense, market: 'live' }));
  activate(place.models, bundle.split('/').at(-1)!);
}, 120_000);
afterAll(() => place.remove());

const addressFile = (): string => homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main');

function daemonUrl(): string | null {
  const address = readAddress(addressFile());
  return address === null ? null : `http://127.0.0.1:${address.port}`;
}

async function startDaemon(): Promise<{ process: Running; url: string }> {
  const process = place.start(['daemon']);
  const url = await eventually(
    () => `a daemon that listens: ${process.stderr()}`,
    () => daemonUrl(),
  );
  return { process, url };
}

async function send(url: string, minutes: readonly (readonly Bar[])[]): Promise<void> {
  for (let from = 0; from < minutes.length; from += MINUTES_PER_MESSAGE) {
    const bars = minutes.slice(from, from + MINUTES_PER_MESSAGE).flat();
    const message = bars.map((bar) => ({ ...bar, time: bar.time * 1000 }));
    const response = await fetch(`${url}/bars`, { method: 'POST', body: JSON.stringify(message) });
    expect(await response.json()).toMatchObject({ rejected: [] });
  }
}

/** The bars are years old, so a live daemon is DEGRADED. */
const withoutMode = (body: string): string => body.replace(/"mode":"(OK|DEGRADED)"/, '"mode":""');

describe('pairs of 5m, 15m, 30m, 1h, 4h, 12h and 1d', () => {
  it(
    'are answered alike by a live daemon, killed and restarted within a bar, and by a replay of the bars, byte for byte',
    { timeout: STARTS_MS },
    async () => {
      const minutes = byMinute(sent).map(({ bars }) => bars);
      const middle = Math.floor(minutes.length * 0.8);
      const first = await startDaemon();
      await send(first.url, minutes.slice(0, middle));
      first.process.kill('SIGKILL');
      await first.process.ended;
      rmSync(addressFile());
      const second = await startDaemon();
      await send(second.url, minutes.slice(middle));
      second.process.kill('SIGTERM');
      await second.process.ended;

      const path = join(place.home, 'live_main.db');
      const data = await place.writeBars('sent', sent);
      const out = join(place.folder, 'signals.jsonl');
      const [journaled, replayed] = await place.runEach([
        ['replay', '--journal', path, '--models', place.models, '--json'],
        ['replay', '--data', data, '--models', bundle, '--out', out, '--json'],
      ]);
      expect(replayed!.code, replayed!.stderr).toBe(0);
      const summary = JSON.parse(journaled!.stdout) as { signals: number; equal: number; differences: unknown[] };
      expect(summary).toMatchObject({ differences: [], equal: summary.signals });

      const journal = openJournal(path, { readOnly: true });
      const live = [...journal.signals()].map(({ body }) => body).filter((body) => !body.includes('"SHUTDOWN"'));
      journal.close();
      const texts = readFileSync(out, 'utf8').trim().split('\n');
      const bodies = texts.map((text) => text.slice(0, text.indexOf(',"schema":')));
      expect(live.map(withoutMode).sort()).toEqual(bodies.map(withoutMode).sort());
      const signals = texts.map((text) => JSON.parse(text) as Signal);
      const explainer = createExplainer(place.settings, { models: place.models, journal: () => path });
      for (const pairId of PAIRS) {
        const own = signals.filter(({ pair_id }) => pair_id === pairId);
        expect(own.filter(({ mode }) => mode === 'OK').length, pairId).toBeGreaterThan(2);
        const seconds = parsePair(pairId).barSeconds!;
        for (const { timestamp } of own.filter(({ mode }) => mode === 'OK').slice(-4)) {
          const why = await explainer.explain(pairId, (Date.parse(timestamp) / 1000 - 60) as OpenTime);
          expect(why.reproduced, `${pairId} ${timestamp}`).toEqual({ equal: true, code: null, differences: [] });
        }
        for (const { timestamp } of own) expect((Date.parse(timestamp) / 1000) % seconds).toBe(0);
      }
      expect(signals.filter(({ action }) => action === 'ENTER').length).toBeGreaterThan(5);
    },
  );

  it('have the trades in a backtest that a replay of the same bars signals', async () => {
    const { settings } = place;
    const loaded = await loadModelSet(bundle, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
    const models = { ...loaded, theta1: 0, theta2: 1 };
    const { time } = dense.get('XAUUSD')!;
    const from = time[Math.floor(time.length * 0.5)]! as OpenTime;
    const to = time[Math.floor(time.length * 0.9)]! as OpenTime;
    const bars = new Map([...dense].map(([symbol, own]) => [symbol, clipBars(own, undefined, to)]));
    const result = await backtestPeriod({
      pairs: TRADED.map(parsePair),
      bars: screenBars(bars, screenPolicy(settings)),
      from,
      sets: [models],
      workers: 0,
      policy: decisionPolicy(settings),
      labels: datasetPolicy(settings),
      costs: settings.minutehand.symbols,
      onProgress: () => undefined,
    });
    const enters: SignalBody[] = [];
    await replayBars({
      settings,
      pairIds: TRADED,
      bars,
      models,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      from,
      to,
      onSignals: (batch) =>
        enters.push(
          ...batch.map(({ text }) => JSON.parse(text) as SignalBody).filter(({ action }) => action === 'ENTER'),
        ),
      onMinute: () => undefined,
    });
    await models.release();
    const trades = result.bundles[0]!.edge_pairs.trades;
    expect(trades.length).toBeGreaterThan(5);
    expect(new Set(trades.map(({ pairId }) => pairId)).size).toBeGreaterThan(1);
    for (const pairId of TRADED) {
      const own = trades.filter((trade) => trade.pairId === pairId);
      const filled = own.map(({ entrySignalTime, side, beta, scale }) => [
        isoSecond(entrySignalTime),
        side,
        beta,
        scale,
      ]);
      const signaled = enters
        .filter(({ pair_id }) => pair_id === pairId)
        .map(({ timestamp, target, beta, position_scale }) => [timestamp, target, beta, position_scale]);
      // The last bar's decision is signaled but can no longer be filled.
      expect(filled).toEqual(signaled.slice(0, filled.length));
      expect(signaled.length - filled.length).toBeLessThanOrEqual(1);
      for (const { entryTime, entrySignalTime } of own) expect(entryTime).toBeGreaterThanOrEqual(entrySignalTime);
    }
  });

  it('are the same from a folder of bars in their timeframe, in which a shorter timeframe is refused', async () => {
    const { minutehand } = place.settings;
    // Six bars rarely reach z = 2.
    const eager = { ...minutehand, decision: { ...minutehand.decision, z_entry: 1 } };
    const settings = { ...place.settings, minutehand: eager };
    const loaded = await loadModelSet(bundle, featureSchema(settings.minutehand.windows), ROWS_PER_SCORE);
    const models = { ...loaded, theta1: 0, theta2: 1 };
    // File times are the opens of bars.
    const hours = new Map(
      ['XAUUSD', 'XAGUSD'].map((symbol) => {
        const own = resampleBars(dense.get(symbol)!, 3600);
        return [symbol, { ...own, time: own.time.map((time) => time - 3540) }] as const;
      }),
    );
    const stored = await readBarFolder(await place.writeBars('hours', hours), ['XAUUSD', 'XAGUSD']);
    const last = stored.get('XAUUSD')!.time.at(-1)!;
    const minutes = new Map(
      [...dense].map(([symbol, own]) => [symbol, clipBars(own, undefined, (last + 1) as OpenTime)]),
    );
    const from = dense.get('XAUUSD')!.time[Math.floor(DENSE_MINUTES * 0.05)]! as OpenTime;
    const run = (bars: ReadonlyMap<string, BarColumns>, pairId: string) => ({
      backtest: () =>
        backtestPeriod({
          pairs: [parsePair(pairId)],
          bars,
          from,
          sets: [models],
          workers: 0,
          onProgress: () => undefined,
          policy: decisionPolicy(settings),
          labels: datasetPolicy(settings),
          costs: settings.minutehand.symbols,
        }),
      replay: () =>
        replayBars({
          settings,
          pairIds: [pairId],
          bars,
          models,
          clock: MACHINE_CLOCK,
          bootId: 'replay',
          from,
          to: (last + 60) as OpenTime,
          onSignals: () => undefined,
          onMinute: () => undefined,
        }),
    });
    const own = run(stored, 'XAUUSD_XAGUSD@1h');
    const joined = run(minutes, 'XAUUSD_XAGUSD@1h');
    const tradesOf = async ({ backtest }: typeof own) => (await backtest()).bundles[0]!.all_pairs.trades;
    const trades = await tradesOf(own);
    expect(trades.length).toBeGreaterThan(5);
    expect(trades).toEqual(await tradesOf(joined));
    const { minutes: _hours, ...replayed } = await own.replay();
    expect(replayed.enters).toBeGreaterThan(5);
    expect(await joined.replay()).toMatchObject(replayed);
    for (const pairId of ['XAUUSD_XAGUSD', 'XAUUSD_XAGUSD@15m']) {
      const refused = { code: 'DATA_FORMAT', next: 'Import shorter bars, or configure XAUUSD_XAGUSD@1h.' };
      await expect(run(stored, pairId).backtest()).rejects.toMatchObject(refused);
      await expect(run(stored, pairId).replay()).rejects.toMatchObject(refused);
    }
    await models.release();
  });
});
