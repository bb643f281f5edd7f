import type { MarketKind } from '../../../shared/signal/signal.ts';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWorkplace, PROGRAM, type Workplace } from '../../../test/cli_process.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';

let place: Workplace;
let api: ApiWorkplace;
let headers: { readonly authorization: string };

beforeAll(async () => {
  place = createWorkplace();
  // First models would wait for more bars than there are, and are not trained.
  const waiting = { minutehand: { simulated: { history_bars: 1_000_000 } } };
  api = await openApiWorkplace(waiting, async () => undefined, [process.execPath, PROGRAM]);
  vi.stubEnv('MINUTEHAND_HOME', api.folder);
  vi.stubEnv('MINUTEHAND_CONFIG', place.config);
  headers = bearer(await api.token('operator'));
});
afterAll(async () => {
  await api.close();
  vi.unstubAllEnvs();
  await place.remove();
});

const MONDAY = Date.parse('2025-01-06T00:00Z') / 1000;
const barsAt = (price: number, count = 60): string =>
  ['time,open,high,low,close,volume']
    .concat(
      Array.from({ length: count }, (_, i) => {
        const close = (price * (1 + ((i * 7) % 13) * 1e-5)).toFixed(5);
        return `${MONDAY + i * 60},${close},${close},${close},${close},${i + 1}`;
      }),
    )
    .join('\n');

const preview = async (body: object) => (await api.ask('POST', '/api/imports/preview', { headers, body })).body;

describe('the preview of an import', () => {
  it('infers symbol, timeframe and clock, with what tells them, and stores nothing', async () => {
    expect(await preview({ name: 'eur-usd.csv', text: barsAt(1.03, 400) })).toMatchObject({
      refused: null,
      symbols: [
        { symbol: 'EURUSD', symbol_by: 'name', timeframe: '1m', timeframe_by: 'spacing', clock: 'UTC', verdict: 'OK' },
      ],
    });
    expect(await api.store.bars.symbols('live')).toEqual([]);
    expect(await api.store.bars.symbols('simulated')).toEqual([]);
    expect(readdirSync(api.paths.uploads)).toEqual([]);
  });

  it('compares with the bars of the live market, to which files belong, also beside a simulated one', async () => {
    const importBars = (market: MarketKind, source: string, text: string) => {
      const file = join(api.folder, source);
      writeFileSync(file, text);
      return place.call(['bars', 'import', file, '--market', market], { env: { MINUTEHAND_HOME: api.folder } });
    };
    expect((await importBars('live', 'GBPUSD.csv', barsAt(1.25))).code).toBe(0);
    expect((await importBars('simulated', 'USDCHF.csv', barsAt(0.9))).code).toBe(0);
    expect(await preview({ name: 'GBPUSD.csv', text: barsAt(1.25) })).toMatchObject({ symbols: [{ added: 0 }] });
    expect(await preview({ name: 'USDCHF.csv', text: barsAt(0.9) })).toMatchObject({ symbols: [{ added: 60 }] });
  });

  it('names the file, and not the copy of it that was read', async () => {
    const { refused } = (await preview({ name: 'EURUSD.csv', text: 'no table' })) as { refused: { message: string } };
    expect(refused.message).toContain('EURUSD.csv');
    expect(refused.message).not.toContain('minutehand-preview-');
  });

  it('says why bars would be refused, and which symbols the prices can be of', async () => {
    expect(await preview({ name: 'EURUSD.csv', text: barsAt(10.3) })).toMatchObject({
      symbols: [{ verdict: 'SCALED', would_be_taken: false, findings: [{ text: expect.stringContaining('10') }] }],
    });
    const unnamed = await preview({ name: 'bars.csv', text: barsAt(1.03) });
    expect(unnamed).toMatchObject({
      refused: { code: expect.stringMatching(/^(USAGE|SYMBOL_UNCLEAR)$/) },
      symbols: [],
    });
    expect(await preview({ name: 'bars.csv', text: barsAt(1.03), as_symbol: 'EURUSD' })).toMatchObject({
      symbols: [{ symbol: 'EURUSD', symbol_by: 'option' }],
    });
  });

  it('reads a file as a person says, with the options of the command', async () => {
    const unclear = barsAt(1.03).replace(/^(\d+),.*$/gm, (_, time: string) => `${time};1,030;1,031;1,029;1,030;7`);
    const text = unclear.replace('time,open,high,low,close,volume', 'time;open;high;low;close;volume');
    expect(await preview({ name: 'EURUSD.csv', text })).toMatchObject({
      refused: { next: expect.stringContaining('--decimal') },
    });
    expect(await preview({ name: 'EURUSD.csv', text, decimal: 'comma' })).toMatchObject({
      refused: null,
      symbols: [{ symbol: 'EURUSD', price_range: [1.029, 1.031] }],
    });
  });

  it('is refused for a name with a path, a text that is too long, and a viewer', async () => {
    const ask = (body: object, own = headers) => api.ask('POST', '/api/imports/preview', { headers: own, body });
    expect((await ask({ name: '../EURUSD.csv', text: 'x' })).body).toMatchObject({ error: { code: 'NAME_UNSAFE' } });
    expect((await ask({ name: 'EURUSD.csv', text: 'x'.repeat(8_000_001) })).status).toBe(400);
    expect((await ask({ name: 'EURUSD.csv', text: 'x'.repeat(13_000_000) })).status).toBe(413);
    expect((await ask({ name: 'EURUSD.csv', text: 'x' }, bearer(await api.token('viewer')))).status).toBe(403);
  });
});
