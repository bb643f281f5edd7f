import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { createWorkplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000 });

const place = createWorkplace();
afterAll(() => place.remove());

it('a training whose home, or folder of bundles, is moved away makes no new one, and says so', async () => {
  const data = await place.writeBars('bars', tinyBars(place.settings, 3000));
  const moved = join(place.folder, 'moved');
  for (const path of [place.home, place.models]) {
    const training = place.start(['train', '--data', data, '--trials', '0']);
    // Its last stages are far from the first.
    await expect.poll(() => training.stderr(), { timeout: 240_000, interval: 5 }).toContain('features and labels');
    renameSync(path, moved);
    expect(await training.ended, training.stderr()).toBe(1);
    expect(training.stderr()).toContain('FOLDER_UNUSABLE: ');
    expect(training.stderr()).toContain(`${path} is gone`);
    expect(existsSync(path) ? readdirSync(path, { recursive: true }) : 'absent').toBe('absent');
    renameSync(moved, path);
  }
  expect(await place.run(['train', '--data', data, '--trials', '0'])).toMatchObject({ code: 0 });
});
