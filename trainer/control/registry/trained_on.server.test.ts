import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { IN_MEMORY, openStore } from '../../store/store.ts';
import { modelsTrainedOn } from './trained_on.ts';

it('names the models of the market of the bars, by pair and period, and those whose market is not known', async () => {
  const models = mkdtempSync(join(tmpdir(), 'minutehand-trained-'));
  const store = await openStore(IN_MEMORY);
  const base = { pairs: ['EURUSD_GBPUSD'], period: { from: '2024-01-01T00:00Z', to: '2024-01-20T00:00Z' } };
  const manifests = {
    '20240120_0000': { ...base, market: 'live' },
    '20240120_0001': { ...base, market: 'simulated' },
    '20240120_0002': base,
    '20240120_0003': { ...base, market: 'live', pairs: ['XAUUSD_XAGUSD'] },
    '20240120_0004': { ...base, market: 'live', period: { from: '2023-01-01T00:00Z', to: '2023-02-01T00:00Z' } },
  };
  for (const [version, manifest] of Object.entries(manifests)) {
    mkdirSync(join(models, version));
    writeFileSync(join(models, version, 'manifest.json'), JSON.stringify({ version, ...manifest }));
  }
  const touched = [{ symbol: 'EURUSD', bars: 2, first: 1_704_200_000, last: 1_704_200_060 }];
  expect(await modelsTrainedOn(store, models, 'live', touched)).toEqual(['20240120_0000', '20240120_0002']);
  expect(await modelsTrainedOn(store, models, 'simulated', touched)).toEqual(['20240120_0001', '20240120_0002']);
  await store.close();
  rmSync(models, { recursive: true, force: true });
});
