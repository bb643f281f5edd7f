import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The training, and the life of its models, are in formulas_live.chain.test.ts. */
const GUIDE = readFileSync(join(packageRoot(), 'docs', 'guides', 'extend', 'WRITE_A_FEATURE.md'), 'utf8');
const blockOf = (language: string): string => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(GUIDE)![1]!;

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace();
  await place.writeBars('m1', tinyBars(place.settings, 400));
});
afterAll(() => place.remove());

it('the formula that the guide tries has values', async () => {
  const [command, text] = blockOf('sh')
    .trim()
    .split(/ (?=--formula)/) as [string, string];
  const formula = /"(.*)"/.exec(text)![1]!;
  const args = [...command.split(' ').slice(1), '--formula', formula];
  const { code, stdout, stderr } = await place.run([...args, '--plot']);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/XAUUSD_XAGUSD · number · looks back over 96 bars/);
});

it('the file of the guide is accepted, and so is its mistake with a suggestion', async () => {
  const file = join(place.config, 'features.yaml');
  writeFileSync(file, blockOf('yaml'));
  const checked = await place.run(['config', 'check']);
  expect(checked.code, checked.stderr).toBe(0);
  const { formulas } = loadSettings({ configDir: place.config, env: {} });
  // Those of pairs; the last one is for instruments.
  expect(formulas.map(({ name }) => name)).toEqual(['gold_momentum', 'rank_of_z', 'far', 'gold_by_hour']);
  writeFileSync(file, blockOf('yaml').replace('z_score, 240', 'z_scor, 240'));
  const refused = await place.run(['config', 'check']);
  expect(refused.code).toBe(1);
  expect(refused.stdout + refused.stderr).toMatch(/features\.yaml:5:1: rank_of_z .*column 6: .*did you mean "z_score"/);
});
