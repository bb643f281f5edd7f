import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeBarFile } from '../../../shared/bar_file/bar_file.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { readConfiguredBars } from './configured_bars.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-configured-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('bars are in memory that threads share, volumes that no source states in one column of it', async () => {
  const settings = tinySettings();
  const given = tinyBars(settings, 300);
  const [stated, ...others] = [...given.keys()];
  for (const [symbol, columns] of given) {
    const volume = symbol === stated ? columns.volume : new Float64Array(columns.length);
    // Of another length than the others.
    const length = symbol === others[0] ? columns.length - 7 : columns.length;
    await writeBarFile(join(folder, `${symbol}.csv`), { ...columns, length, volume });
  }
  const bars = await readConfiguredBars(folder, {}, settings, () => undefined);
  const volumes = [...bars.values()].map(({ volume }) => volume);
  expect(volumes.every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true);
  expect(new Set(volumes.map(({ buffer }) => buffer)).size).toBe(2);
  for (const [symbol, { length, volume, close }] of bars) {
    expect(volume.length).toBe(length);
    expect(close.length).toBe(length);
    expect(volume.every((units) => units === 0)).toBe(symbol !== stated);
  }
});
