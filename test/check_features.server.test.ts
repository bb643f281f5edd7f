import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, writeConfig, type Workplace } from './cli_process.ts';
import { activate } from './activate.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

describe('minutehand check features', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = createWorkplace({ minutehand: { pairs: ['XAUUSD_XAGUSD'] } });
    const store = await openStore(join(place.home, 'trainer.db'));
    for (const columns of tinyBars(place.settings).values())
      await store.bars.put(place.settings.minutehand.market, columns);
    await store.close();
  });
  afterAll(() => place.remove());

  const check = async (...args: string[]) => {
    const { code, stdout } = await place.call(['check', 'features', ...args, '--json']);
    return { code, document: JSON.parse(stdout) as Record<string, unknown> };
  };

  it('finds the same features in a table that was exported with this configuration, and names others', async () => {
    const file = join(place.folder, 'table.parquet');
    for (const out of [file, 'store']) expect((await place.call(['dataset', 'export', '--out', out])).code).toBe(0);
    const newest = [{ pair: 'XAUUSD_XAGUSD', newest: expect.stringMatching(/^\d{4}-/) }];
    for (const features of [['--features', file], []])
      expect(await check(...features)).toMatchObject({ code: 0, document: { ok: true, missing: [], pairs: newest } });
    // Another window is another feature under the same name, of which the file tells the window.
    const { minutehand } = place.settings;
    const windows = { ...minutehand.windows, z_window: minutehand.windows.z_window + 5 };
    writeConfig(place.config, { ...place.settings, minutehand: { ...minutehand, windows } });
    const changed = await check('--features', file);
    expect(changed).toMatchObject({ code: 1, document: { ok: false, missing: [], extra: [] } });
    expect(JSON.stringify(changed.document['changed'])).toContain('"z_score","text":"window 20 instead of 25');
    writeConfig(place.config, place.settings);
    const names = join(place.folder, 'names.csv');
    writeFileSync(names, 'pair_id,time,z_score,mood\nXAGUSD_EURUSD,60,1,1\n');
    const other = await check('--features', names);
    expect(other).toMatchObject({ code: 1, document: { extra: ['mood'], pairs: [{ newest: null }] } });
    expect(other.document['missing']).toContain('beta');
  });

  it('compares a bundle, which has other windows than the configuration after a change', async () => {
    expect(await check('--model', 'active')).toMatchObject({ code: 1, document: { error: { code: 'MODEL_MISSING' } } });
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    expect(await check('--model', 'active')).toMatchObject({ code: 0, document: { ok: true, place: version } });
    const { minutehand } = place.settings;
    const windows = { ...minutehand.windows, vol_window: minutehand.windows.vol_window + 3 };
    writeConfig(place.config, { ...place.settings, minutehand: { ...minutehand, windows } });
    const changed = await check('--model', version);
    expect(changed.code).toBe(1);
    expect(JSON.stringify(changed.document['changed'])).toMatch(/window 10 instead of 13/);
  });
});
