import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace();
  const data = await place.writeBars('bars', tinyBars(place.settings));
  const imported = await place.run(['bars', 'import', data, '--market', 'simulated']);
  expect(imported.code, imported.stderr).toBe(0);
});
afterAll(() => place?.remove());

it('an import that is undone while a training learns from it leaves no bundle behind', async () => {
  const training = place.start(['train', '--trials', '0', '--no-cache', '--verbose']);
  await eventually(training.stderr, () => /reading bars: 100/.test(training.stderr()));
  const undone = await place.call(['bars', 'undo', '1']);
  expect(undone.code, undone.stderr).toBe(0);
  expect(await training.ended).toBe(1);
  expect(training.stderr()).toMatch(/BARS_CHANGED[^]*import 1 was undone/);
  const bundles = existsSync(place.models) ? readdirSync(place.models).filter((name) => /^\d{8}_\d{4}/.test(name)) : [];
  expect(bundles).toEqual([]);
});
