import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPriceKinds, writePriceKind } from '../shared/bar_file/price_kinds.ts';
import { tradingCosts, withPriceKinds } from '../shared/policy/costs.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { keepPriceKind, storedPriceKinds } from '../trainer/store/price_kinds.ts';
import { openStore } from '../trainer/store/store.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-prices-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the price kind of bars', () => {
  it('is stored beside the files of a folder, per symbol', () => {
    expect(readPriceKinds(folder)).toEqual({});
    writePriceKind(folder, 'EURUSD', 'bid');
    writePriceKind(folder, 'LINKUSDT', 'last');
    expect(readPriceKinds(folder)).toEqual({ EURUSD: 'bid', LINKUSDT: 'last' });
    writeFileSync(join(folder, 'prices.json'), '{"EURUSD":"ask"}');
    expect(() => readPriceKinds(folder)).toThrow(/DATA_FORMAT|ask/);
  });

  it('is stored by market, and the last import counts', async () => {
    const store = await openStore(join(folder, 'trainer.db'));
    await keepPriceKind(store, 'live', ['EURUSD', 'GBPUSD'], 'mid', 1000);
    await keepPriceKind(store, 'live', ['EURUSD'], 'bid', 2000);
    expect(await storedPriceKinds(store, 'live', ['EURUSD', 'GBPUSD', 'USDCHF'])).toEqual({
      EURUSD: 'bid',
      GBPUSD: 'mid',
    });
    expect(await storedPriceKinds(store, 'simulated', ['EURUSD'])).toEqual({});
    await store.close();
  });

  it('becomes part of the costs without changing shared settings', () => {
    const settings = loadSettings({ env: {} });
    const own = withPriceKinds(settings, { EURUSD: 'bid' });
    expect(tradingCosts(own)['EURUSD']!.price).toBe('bid');
    expect(tradingCosts(own)['GBPUSD']).toEqual(tradingCosts(settings)['GBPUSD']);
    expect(readFileSync(join(folder, 'prices.json'), 'utf8')).toContain('ask');
  });
});
