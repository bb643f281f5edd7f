import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { activate, activateDirection, unjudged } from '../../../test/activate.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
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

it('names what serves each subject, and which have an edge: pairs, instruments with a model, and with a rule', async () => {
  const instruments = ['XAUUSD', 'XAGUSD', 'EURUSD', 'GBPUSD@1h'];
  const settings = tinySettings({ minutehand: { instruments } });
  const options = { schema: featureSchema(settings.minutehand.windows), trees: 2, leaves: 3, seed: 'go live' };
  const pairs = basename(writeRandomBundle(paths.models, { ...options, market: 'simulated' }));
  activate(paths.models, pairs, MACHINE_FILES, trainerMarks(paths));
  const direction = writeTinyDirection(paths.models, 'XAUUSD', '1m');
  activateDirection(paths.models, direction, paths.home);
  const rule = basename(
    writeRuleBundle(ruleFolder(paths.models), new Date('2026-01-03'), tinyRule('XAGUSD', { market: 'simulated' })),
  );
  activateAdmitted(unjudged('promotion', paths.models, rule, { slot: 'rule XAGUSD' }), {
    models: paths.models,
    home: paths.home,
  });
  const { models } = await readGoLiveFacts(settings, paths, null, Date.now(), { names: [], problems: [] });
  expect(models).toMatchObject({
    versions: [pairs, direction, rule],
    missing: ['GBPUSD@1h'],
    // EURUSD is none of the model's instruments; the tiny models of pairs have no edge.
    withEdge: ['XAUUSD', 'XAGUSD'],
    refusal: null,
    subjects: settings.minutehand.pairs.length + instruments.length,
  });
});
