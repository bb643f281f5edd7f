import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';

const FIRST = Date.UTC(2026, 2, 2, 9) / 1000;
const iso = (minute: number): string => new Date((FIRST + 60 * minute) * 1000).toISOString();

let api: ApiWorkplace;
let viewer: { readonly authorization: string };
beforeAll(async () => {
  api = await openApiWorkplace();
  viewer = bearer(await api.token('viewer'));
  await api.store.bars.put('simulated', candles());
});
afterAll(() => api.close());

/** 40 bars of the euro. */
function candles(): BarColumns {
  const bars = Array.from({ length: 40 }, (_, i) => ({
    symbol: 'EURUSD',
    time: (FIRST + 60 * i) as OpenTime,
    open: 1.1,
    high: 1.1 + 0.0001 * (i + 1),
    low: 1.0999,
    close: 1.1 + 0.0001 * i,
    volume: 1,
  }));
  return columnsOf('EURUSD', bars);
}

const ask = (query: Readonly<Record<string, string>>) =>
  api.ask('GET', `/api/candles?${new URLSearchParams(query).toString()}`, { headers: viewer });

describe('GET /api/candles', () => {
  it('joins the imported bars of a period, from its first minute to before its end, in any spelling', async () => {
    const { status, body } = await ask({ symbol: 'eur/usd', from: iso(5), to: iso(35), points: '10' });
    expect([status, body['symbol'], body['timeframe']]).toEqual([200, 'EURUSD', '5m']);
    expect(body['time']).toEqual([10, 15, 20, 25, 30, 35].map((minute) => FIRST + 60 * minute));
    expect((body['close'] as number[])[0]).toBeCloseTo(1.1009, 9);
    expect((body['high'] as number[])[5]).toBeCloseTo(1.1035, 9);
    expect(await ask({ symbol: 'EURUSD', from: iso(100), to: iso(200) })).toMatchObject({
      status: 200,
      body: { timeframe: '1m', time: [] },
    });
  });

  it('refuses an unknown symbol, a period that ends before it begins, and one that would take long', async () => {
    const refused = async (query: Readonly<Record<string, string>>) => (await ask(query)).body.error;
    expect(await refused({ symbol: 'EURUSB', from: iso(0), to: iso(9) })).toMatchObject({ code: 'PAIR_UNKNOWN' });
    expect(await refused({ symbol: 'EURUSD', from: iso(9), to: iso(9) })).toMatchObject({ code: 'REQUEST_INVALID' });
    const long = await refused({ symbol: 'EURUSD', from: iso(0), to: iso(31 * 1440 + 1) });
    expect(long).toMatchObject({ code: 'REQUEST_INVALID' });
    expect(long!.message).toContain('at most 31 days');
  });
});

describe('GET /api/formulas', () => {
  const tried = async (query: Readonly<Record<string, string>>) => {
    const { status, body } = await api.ask('GET', `/api/formulas?${new URLSearchParams(query).toString()}`, {
      headers: viewer,
    });
    return { status, body, code: body.error?.code };
  };

  it('answers a fault with its position, and what a formula without one says of itself', async () => {
    const wrong = await tried({ subject: 'EURUSD_GBPUSD', formula: 'rank(z_scroe, 100)' });
    expect(wrong).toMatchObject({
      status: 200,
      body: { fault: { code: 'FORMULA_NAME', column: 6 }, checked: null, tried: null },
    });
    const right = await tried({ subject: 'eur/usd_gbp/usd', formula: 'rank(z_score,  100)' });
    expect(right).toMatchObject({
      status: 200,
      body: { fault: null, checked: { formula: 'rank(z_score, 100)', is_column: true }, tried: null },
    });
  });

  it('tries it on the newest bars, and refuses a subject that is unknown, or has none', async () => {
    const formula = 'a.close / b.close';
    expect(await tried({ subject: 'EURUSD_GBPUSB', formula, days: '1' })).toMatchObject({ code: 'PAIR_UNKNOWN' });
    expect(await tried({ subject: 'EURUSD_GBPUSD', formula, days: '1' })).toMatchObject({ code: 'DATA_MISSING' });
    expect(await tried({ subject: 'EURUSD_GBPUSD', formula, days: '32' })).toMatchObject({ code: 'REQUEST_INVALID' });
    const { time, open, high, low, close, volume } = candles();
    const sterling = { symbol: 'GBPUSD', length: time.length, time, open, high, low, close, volume, spread: null };
    await api.store.bars.put('simulated', sterling);
    expect(await tried({ subject: 'EURUSD_GBPUSD', formula, days: '1' })).toMatchObject({
      status: 200,
      body: {
        fault: null,
        tried: { label: null, distribution: { bars: 40, mean: 1, std: 0 }, chart: { time: { length: 40 } } },
      },
    });
  });
});
