import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { HealthReport } from '../daemon/health/health.ts';
import { SERIES_NAMES } from '../shared/core/series/series_names.ts';
import { openJournal } from '../shared/store/journal.ts';
import { parseObservation } from '../shared/store/observation.ts';
import { readSeriesFolder } from '../trainer/learning/instruments/series_files.ts';
import { readAddress, urlOf } from '../shared/address.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { bookFrame, candleOf, fundingAt, liquidationFrame, openInterestAt, startFakeBinance } from './fake_binance.ts';
import { skipNote } from './skip_note.ts';
import { tinySettings } from './tiny_settings.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];
const CCXT = ccxtFolder();
const NO_CCXT = CCXT === null && !process.env.CI;

function ccxtFolder(): string | null {
  const named = process.env['MINUTEHAND_CCXT'];
  if (named !== undefined) return named;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve('ccxt')));
  } catch {
    return null;
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function workplaceOf(): Workplace {
  const costs = {
    spread_bps: 1,
    commission_bps: 5,
    slippage_bps: 1,
    swap_long_bps_per_night: 3,
    swap_short_bps_per_night: -3,
  };
  const symbols = { ...tinySettings().minutehand.symbols, BTCUSDT: costs, ETHUSDT: costs };
  const workplace = createWorkplace({ minutehand: { market: 'live', pairs: ['BTCUSDT_ETHUSDT'], symbols } });
  cleanups.push(() => workplace.remove());
  return workplace;
}

async function healthOf({ home }: Workplace): Promise<HealthReport | null> {
  const address = readAddress(join(home, 'daemon_main.json'));
  if (address === null) return null;
  try {
    return (await (await fetch(`${urlOf(address)}/healthz`)).json()) as HealthReport;
  } catch {
    return null;
  }
}

describe('minutehand collect', () => {
  it('names the library it needs, its version and the next step when it is absent', async () => {
    const workplace = workplaceOf();
    const { code, stderr } = await workplace.run(['collect'], { env: { MINUTEHAND_CCXT: workplace.folder } });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/COLLECT_LIBRARY.*expected: ccxt 4\.\d+\.\d+.*npm install/is),
    ]);
  });

  it.skipIf(NO_CCXT)(
    `feeds a daemon through faults of the exchange and kills of both, and its journal replays to the byte${skipNote(NO_CCXT, 'ccxt is not installed; MINUTEHAND_CCXT names its folder')}`,
    { timeout: 240_000 },
    async () => {
      const fake = await startFakeBinance(SYMBOLS);
      cleanups.push(() => fake.close());
      const workplace = workplaceOf();
      const startDaemon = async (): Promise<Running> => {
        const daemon = workplace.start(['daemon']);
        await eventually(
          () => `a daemon: ${daemon.stderr()}`,
          () => healthOf(workplace),
        );
        return daemon;
      };
      const collect = (): Running =>
        workplace.start(
          ['collect', '--exchange-url', fake.url, '--history', '120', '--poll', '1', '--timeframe', '1m'],
          {
            MINUTEHAND_CCXT: CCXT!,
          },
        );
      const seriesOf = async (): Promise<string[]> =>
        ((await healthOf(workplace))?.series ?? []).map(({ symbol, series }) => `${symbol} ${series}`).sort();

      // At first the exchange returns malformed data, and the daemon is not running yet.
      fake.broken.set('klines', { status: 200, body: '{"half": ' });
      fake.broken.set('fundingRate', { status: 429, body: '{"code":-1003,"msg":"Too many requests"}' });
      let collector = collect();
      await eventually(
        () => `a fault of the daemon: ${collector.stdout()}`,
        () => /COLLECT_DAEMON/.test(collector.stdout()),
      );
      let daemon = await startDaemon();
      await eventually(
        () => `faults: ${collector.stdout()}`,
        () => /bars: COLLECT_EXCHANGE/.test(collector.stdout()),
      );
      fake.broken.clear();
      const bars = (): Promise<Record<string, string> | null> =>
        healthOf(workplace).then((health) =>
          Object.keys(health?.last_bars ?? {}).length === 2 ? health!.last_bars : null,
        );
      await eventually(() => `bars: ${collector.stdout()} ${collector.stderr()}`, bars);
      const points = SYMBOLS.flatMap((symbol) => [`${symbol} funding_rate`, `${symbol} open_interest`]).sort();
      await eventually(
        () => `points: ${collector.stdout()}`,
        async () => (await seriesOf()).filter((own) => points.includes(own)).length === points.length,
      );

      // Malformed, unknown, repeated and outdated frames; then the connection breaks.
      const liquidate = (): number => {
        const now = Date.now();
        fake.send('market', '{"e":"forceOrder","o":');
        fake.send('market', { e: 'forceOrder', E: now, o: { s: 'NOTHING' } });
        const frame = liquidationFrame('BTCUSDT', 'SELL', 1.5, now);
        fake.send('market', frame);
        fake.send('market', liquidationFrame('ETHUSDT', 'BUY', 2, now - 3_600_000));
        for (const symbol of SYMBOLS) fake.send('public', bookFrame(symbol, 3, 1, now));
        return fake.send('market', frame);
      };
      await eventually(
        () => `a stream: ${collector.stdout()}`,
        () => liquidate() > 0,
      );
      fake.disconnect();
      await eventually(
        () => `another stream: ${collector.stdout()}`,
        () => liquidate() > 0,
      );

      collector.kill('SIGKILL');
      await collector.ended;
      daemon.kill('SIGKILL');
      await daemon.ended;
      daemon = await startDaemon();
      expect((await seriesOf()).filter((own) => points.includes(own))).toEqual(points);
      collector = collect();
      await eventually(
        () => `a start: ${collector.stdout()}`,
        () => /Collecting/.test(collector.stdout()),
      );
      await eventually(
        () => `order book and liquidations: ${collector.stdout()} ${collector.stderr()}`,
        async () => {
          liquidate();
          return (await seriesOf()).some((own) => own === 'BTCUSDT sell_liquidations');
        },
      );
      collector.kill('SIGTERM');
      expect([await collector.ended, collector.stderr()]).toEqual([0, '']);
      daemon.kill('SIGTERM');
      await daemon.ended;

      const path = join(workplace.home, 'live_main.db');
      const journal = openJournal(path, { readOnly: true });
      const inputs = [...journal.inputsFrom(0 as never)];
      journal.close();
      for (const symbol of SYMBOLS) {
        const minutes = inputs.filter(
          ({ kind, subject }) => (kind === 'bar' || kind === 'empty') && subject === symbol,
        );
        minutes.forEach(({ time, kind, bar }, i) => {
          if (i > 0) expect(time - minutes[i - 1]!.time).toBe(60);
          const { volume, ...candle } = candleOf(symbol, time * 1000);
          if (kind === 'empty') expect(volume).toBe(0);
          else expect(bar).toMatchObject({ ...candle, volume });
        });
        expect(minutes.length).toBeGreaterThanOrEqual(120);
      }
      const observations = inputs
        .filter(({ kind }) => kind === 'series')
        .map(({ subject }) => parseObservation(subject));
      const keys = observations.map(({ symbol, name, eventTime }) => `${symbol} ${name} ${eventTime}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const { name, eventTime, value } of observations) {
        if (name === 'funding_rate') expect(value).toBe(fundingAt(eventTime * 1000));
        if (name === 'open_interest') expect(value).toBe(openInterestAt(eventTime * 1000));
        if (name === 'order_book_imbalance') expect(value).toBe(0.5);
        // Repeated frames count once, those of another hour are ignored.
        if (name === 'sell_liquidations') expect(value % 1.5).toBe(0);
        if (name === 'buy_liquidations') expect(value).toBe(0);
      }

      const replay = await workplace.run(['replay', '--journal', path, '--json']);
      expect(replay.stderr).toBe('');
      const summary = JSON.parse(replay.stdout) as { signals: number; equal: number; different: number };
      expect(summary).toMatchObject({ different: 0, equal: summary.signals });
      expect(summary.signals).toBeGreaterThan(0);

      const into = join(workplace.folder, 'series');
      const archived = await workplace.run(['series', 'archive', '--into', into]);
      expect([archived.code, archived.stderr]).toEqual([0, '']);
      for (const symbol of SYMBOLS) {
        const stored = await readSeriesFolder(into, symbol);
        for (const name of SERIES_NAMES) {
          const own = observations.filter((observation) => observation.symbol === symbol && observation.name === name);
          expect([...stored[name].arrivalTime]).toEqual(own.map(({ arrivalTime }) => arrivalTime));
          expect([...stored[name].value]).toEqual(own.map(({ value }) => value));
        }
      }
    },
  );
});
