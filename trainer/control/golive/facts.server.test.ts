import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { activate } from '../../../test/activate.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { readGoLiveFacts } from './facts.ts';

let paths: HomePaths;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-golive-facts-')) });
});
afterEach(() => rmSync(paths.home, { recursive: true, force: true }));

it('says of models that no daemon here runs that none are in use: no gates passed, no edge', async () => {
  const { minutehand } = tinySettings();
  const options = { schema: featureSchema(minutehand.windows), trees: 2, leaves: 3, seed: 'go live' };
  const simulated = basename(writeRandomBundle(paths.models, { ...options, market: 'simulated' }));
  activate(paths.models, simulated, MACHINE_FILES, trainerMarks(paths));
  const settings = tinySettings({ minutehand: { market: 'live' } });
  const { models } = await readGoLiveFacts(settings, paths, null, Date.now(), { names: [], problems: [] });
  expect(models).toMatchObject({ versions: [], withEdge: [], refusal: { code: 'MODEL_SIMULATED' } });
});
