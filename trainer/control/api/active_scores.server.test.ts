import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { ActiveScores } from './active_scores.ts';

const settings = tinySettings();
const schema = featureSchema(settings.minutehand.windows);
const [first, second] = settings.minutehand.pairs as [string, string];
const models = mkdtempSync(join(tmpdir(), 'minutehand-active-scores-'));
afterAll(() => rmSync(models, { recursive: true, force: true }));

it('scores a row by the models of its pair’s group, and requires the pair where there are groups', async () => {
  const common = { schema, trees: 10, leaves: 5, pairs: [first, second] };
  const groups = { own: { pairs: [first] } };
  const versions = [
    writeRandomBundle(models, { ...common, seed: 'all', groups }),
    writeRandomBundle(models, { ...common, seed: 'all' }),
    writeRandomBundle(models, { ...common, seed: 'all own' }),
  ].map((folder) => basename(folder));
  const row = { feature_schema: schema.hash, features: schema.definitions.map((_, i) => Math.sin(i)) };
  const scores = new ActiveScores(settings, { models });
  const staying = new AbortController();
  const probability = async (version: string, subject?: string): Promise<number | null> => {
    activate(models, version);
    return (await scores.score({ ...row, ...(subject !== undefined && { subject }) }, staying.signal)).return_prob;
  };
  const [grouped, pooled, own] = versions as [string, string, string];
  expect(await probability(grouped, first)).toBe(await probability(own));
  expect(await probability(grouped, second)).toBe(await probability(pooled));
  expect(await probability(own)).not.toBe(await probability(pooled));
  await expect(probability(grouped)).rejects.toMatchObject({ code: 'FEATURES_REFUSED', seen: 'no subject' });
  await expect(probability(grouped, 'AAA_BBB')).rejects.toMatchObject({ seen: 'subject AAA_BBB' });
  await scores.close();
});
