import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { readInstallationBars } from './installation_bars.ts';

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
