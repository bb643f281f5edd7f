import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { homePaths } from '../../../shared/home.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { observationRow } from '../../../shared/store/observation.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { readInstallationBars } from './installation_bars.ts';
import { readInstruments, type BarWindow } from './instruments.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'installation-bars-'));
  vi.stubEnv('MINUTEHAND_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

async function importInto(market: Market, symbol: string): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  const bar = { symbol, time: 0 as OpenTime, open: 1, high: 1, low: 1, close: 1, volume: 0 };
  const number = await store.importRuns.begin({ market, kind: 'import', source: `${symbol}.csv`, by: 'a person' });
  await store.bars.put(market, columnsOf(symbol, [bar]), number);
  await store.close();
}

function read(market: Market, period: Parameters<typeof readInstallationBars>[2] = {}) {
  const settings = { ...tinySettings(), minutehand: { ...tinySettings().minutehand, market } };
  return readInstallationBars(settings, ['EURUSD', 'GBPUSD'], period, () => undefined);
}

describe('bars of this installation', () => {
  it('that are only in the other market are named, with the setting that chooses it', async () => {
    await importInto('live', 'EURUSD');
    await expect(read('simulated')).rejects.toMatchObject({
      code: 'DATA_MISSING',
      seen: expect.stringMatching(/in the simulated market: .*\. The live market has imported bars of EURUSD$/),
      next: 'Set `market: live` in config/minutehand.yaml, or MINUTEHAND_MARKET=live for this command.',
    });
    expect([...(await read('live')).keys()]).toEqual(['EURUSD']);
  });

  it('that are all outside the period are named with their span, and no other market is blamed', async () => {
    await importInto('live', 'EURUSD');
    await importInto('simulated', 'EURUSD');
    const from = (Date.parse('2025-01-01T00:00Z') / 1000) as OpenTime;
    await expect(read('simulated', { from })).rejects.toMatchObject({
      code: 'DATA_MISSING',
      seen: 'no bars in this period: those of EURUSD, GBPUSD in the simulated market are of 1970-01-01 00:00 to 1970-01-01 00:00 UTC',
      next: expect.stringContaining('--from'),
    });
  });

  it('that are nowhere are asked for', async () => {
    await importInto('live', 'XAUUSD');
    const next = expect.stringContaining('bars import --market simulated');
    await expect(read('simulated')).rejects.toMatchObject({ code: 'DATA_MISSING', next });
  });
});

describe('an instrument of this installation', () => {
  const HOUR = 3600;
  const HOURS = 120;

  /** Bars of hours with taker volume and number of trades, and funding every two hours, up to long after them. */
  async function importCoin(): Promise<void> {
    const store = await openStore(storeUrl(process.env, homePaths()));
    const time = Float64Array.from({ length: HOURS }, (_, hour) => hour * HOUR);
    const bars = Array.from(time, (open) => ({
      symbol: 'BTCUSDT',
      time: open as OpenTime,
      open: 1,
      high: 1,
      low: 1,
      close: 1,
      volume: 10,
    }));
    await store.bars.put('simulated', columnsOf('BTCUSDT', bars));
    const closes = time.map((open) => open + HOUR);
    const put = (name: string, at: Float64Array, value: Float64Array) =>
      store.series.put('simulated', 'BTCUSDT', name, { length: at.length, time: at, value });
    await put(
      'taker_buy_volume',
      closes.slice(1),
      closes.slice(1).map((_, i) => i / 2),
    );
    await put(
      'funding_rate',
      time.map((open) => 2 * open),
      time.map((_, i) => i / 1000),
    );
    await put('price_kind', Float64Array.of(5), Float64Array.of(1));
    await store.close();
  }

  const of = async (series: string | null = null, window: BarWindow | null = null) => {
    const settings = { ...tinySettings(), minutehand: { ...tinySettings().minutehand, market: 'simulated' as const } };
    const source = { folder: null, series, symbols: ['BTCUSDT'], timeframe: '1h', window } as const;
    const [only] = await readInstruments({ ...source, settings }, () => undefined);
    return only!;
  };

  it('has the series and the taker volume of the store, and nothing that came after its last close', async () => {
    await importCoin();
    const { bars, series } = await of();
    const known = Array.from({ length: HOURS / 2 + 1 }, (_, i) => i);
    expect(Array.from(bars.takerBuyVolume)).toEqual([NaN, ...Array.from({ length: HOURS - 1 }, (_, i) => i / 2)]);
    expect(Array.from(series.funding_rate.arrivalTime)).toEqual(known.map((i) => 2 * i * HOUR));
    expect(Array.from(series.funding_rate.value)).toEqual(known.map((i) => i / 1000));
    expect(series.open_interest.length).toBe(0);
  });

  it('has of a folder of series too nothing that came after its last close', async () => {
    await importCoin();
    const folder = join(home, 'own series');
    mkdirSync(folder);
    const rows = [1, HOURS, HOURS + 1].map((hour) => `${hour * HOUR},${hour * HOUR},0.001\n`);
    writeFileSync(join(folder, 'BTCUSDT.funding_rate.csv'), `event_time,arrival_time,value\n${rows.join('')}`);
    const whole = (await of(folder)).series.funding_rate;
    expect(Array.from(whole.eventTime)).toEqual([HOUR, HOURS * HOUR]);
    const to = new Date((HOURS - 1) * HOUR * 1000).toISOString();
    const cut = await of(folder, { from: null, to, days: null });
    expect(Array.from(cut.series.funding_rate.eventTime)).toEqual([HOUR]);
  });

  it('reads a value that a daemon received from its arrival on, though the store has it at its event', async () => {
    await importCoin();
    const path = homePaths().journal('simulated', Object.keys(tinySettings().minutehand.shards)[0]!);
    mkdirSync(dirname(path), { recursive: true });
    const journal = openJournal(path);
    const funding = { symbol: 'BTCUSDT', name: 'funding_rate', value: 0.002 } as const;
    journal.append([observationRow({ ...funding, eventTime: 4 * HOUR, arrivalTime: 7 * HOUR })], [], []);
    journal.close();
    const { funding_rate } = (await of()).series;
    const at = Array.from(funding_rate.eventTime).indexOf(4 * HOUR);
    expect([funding_rate.arrivalTime[at], funding_rate.length]).toEqual([7 * HOUR, HOURS / 2 + 1]);
  });
});
