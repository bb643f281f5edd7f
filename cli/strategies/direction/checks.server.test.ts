import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { liveInstrumentSchema } from '../../../shared/bundle/direction/active_direction.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { activateDirection } from '../../../test/activate.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { checkDirections } from './checks.ts';

let paths: HomePaths;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-direction-checks-')) });
});
afterEach(() => rmSync(paths.home, { recursive: true, force: true }));

const INPUTS: InputDescription = {
  columns: [liveInstrumentSchema(3600).definitions[0]!.name],
  median: [0],
  scale: [1],
  missing: [0],
  centers: [[0]],
  distances: [0, 3],
  farther: [1, 0],
};

async function checked(novelty_min: number | null, inputs?: InputDescription) {
  const minutehand = { market: 'simulated' as const, instruments: ['BTCUSDT@1h'] };
  const version = writeTinyDirection(paths.models, 'BTCUSDT', '1h', new Date(), { ...(inputs && { inputs }) });
  activateDirection(paths.models, version, paths.home);
  const [result] = await checkDirections(tinySettings({ core: { novelty_min }, minutehand }), paths);
  return result!;
}

it('warns where novelty_min is set and the active direction model cannot measure novelty', async () => {
  expect(await checked(0.01)).toMatchObject({
    what: 'direction 1h',
    verdict: 'warning',
    detail: expect.stringContaining('novelty_min refuses nothing') as string,
  });
  expect((await checked(null)).verdict).toBe('ok');
});

it('says nothing of novelty_min where the direction model describes its inputs', async () => {
  expect((await checked(0.01, INPUTS)).verdict).toBe('ok');
});
