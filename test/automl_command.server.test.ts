import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AutomlOutcome } from '../trainer/learning/automl/search_formulas.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000 });

let place: Workplace;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings));
});
afterAll(() => place.remove());

describe('minutehand automl', () => {
  it('chooses nothing where labels are exchanged, looks at no holdout, and repeats itself on any number of threads', async () => {
    const search = async (...others: string[]): Promise<AutomlOutcome> => {
      const options = ['--candidates', '70', '--shuffle-labels', '--json', ...others];
      const { code, stdout, stderr } = await place.run(['automl', '--data', data, ...options]);
      expect(code, stderr).toBe(0);
      const { resources, ...outcome } = JSON.parse(stdout) as AutomlOutcome & { resources: object };
      expect(resources).toMatchObject({ cpu_seconds: expect.any(Number) as number });
      return outcome;
    };
    const found = await search('--workers', '2');
    expect(found).toMatchObject({ chosen: [], confirmation: null, is_shuffled: true, written: null });
    expect(found.judged).toHaveLength(70);
    expect(found.rows.screened).toBeGreaterThan(2 * found.rows.confirmed);
    expect(existsSync(join(place.models, 'holdout_looks.json'))).toBe(false);
    expect(await search('--workers', '1', '--no-cache')).toEqual(found);
    // All scores were kept by the first search, and the later ones are of the same rows.
    expect(await search('--workers', '1')).toEqual({ ...found, reused: 70 });
    expect(readdirSync(join(place.folder, 'home', 'cache', 'automl'))).toHaveLength(70);
  });

  it('ends with 1 when it was to write and had nothing to write, and refuses what makes no sense', async () => {
    const file = join(place.folder, 'config', 'features.yaml');
    writeFileSync(file, '# mine\n');
    // The time is over before the first candidate.
    const options = ['--generators', 'calendar', '--minutes', '1e-9', '--write'];
    const { code, stdout, stderr } = await place.run(['automl', '--data', data, ...options]);
    expect(code, stderr).toBe(1);
    expect(stdout).toContain('None was chosen');
    expect(stdout).toContain('3 further candidates were not tested');
    expect(stdout).toMatch(/\d+ of 36 present columns are shown to help AI1/);
    expect(stderr).toContain('Nothing was written');
    expect(readFileSync(file, 'utf8')).toBe('# mine\n');
    for (const wrong of [
      ['--level', '0'],
      ['--generators', 'cross_sections'],
      ['--candidates', '0'],
      ['--minutes', '0'],
      ['--shuffle-labels', '--write'],
    ])
      expect(await place.run(['automl', '--data', data, ...wrong])).toMatchObject({ code: 2 });
  });
});
