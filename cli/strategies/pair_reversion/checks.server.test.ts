import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { activate } from '../../../test/activate.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { checkPairs } from './checks.ts';

let paths: HomePaths;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-model-checks-')) });
});
afterEach(() => rmSync(paths.home, { recursive: true, force: true }));

const settingsWith = (novelty_min: number | null) => tinySettings({ core: { novelty_min } });
const schema = featureSchema(settingsWith(null).minutehand.windows);
const INPUTS: InputDescription = {
  columns: [schema.definitions[0]!.name],
  median: [0],
  scale: [1],
  missing: [0],
  centers: [[0]],
  distances: [0, 3],
  farther: [1, 0],
};

function serve(inputs?: InputDescription): void {
  const options = { schema, trees: 2, leaves: 3, seed: 'model checks', ...(inputs && { inputs }) };
  activate(paths.models, basename(writeRandomBundle(paths.models, options)), MACHINE_FILES, trainerMarks(paths));
}

it('warns where novelty_min is set and the active models cannot measure novelty', async () => {
  serve();
  expect(await checkPairs(settingsWith(0.01), paths)).toMatchObject({
    verdict: 'warning',
    detail: expect.stringContaining('novelty_min refuses nothing') as string,
  });
  expect((await checkPairs(settingsWith(null), paths)).verdict).toBe('ok');
});

it('says nothing of novelty_min where the active models describe their inputs', async () => {
  serve(INPUTS);
  expect((await checkPairs(settingsWith(0.01), paths)).verdict).toBe('ok');
});
