import { FAILED_GATE } from '../../../test/passed_gates.ts';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { listVersions, readActive } from '../../../shared/bundle/bundle.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { copyUnder, tinyModels } from '../../../test/tiny_models.ts';
import { enterOutcome, withRegistry } from './outcome.ts';

const VERSIONS = [1, 2, 3].map((day) => `2024010${day}_1200`);
const [A, B, C] = VERSIONS as [string, string, string];

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-outcome-'));
  await tinyModels(root, { seed: 1, created: new Date(Date.UTC(2024, 0, 1, 12)) });
  // The same models under other names: what they can do plays no part here.
  for (const [index, version] of [B, C].entries())
    copyUnder(root, A, version, { created: `2024-01-0${index + 2}T12:00:00.000Z` });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

let paths: HomePaths;
let homes = 0;
beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: join(root, `home-${homes++}`) });
  for (const version of VERSIONS) cpSync(join(root, version), join(paths.models, version), { recursive: true });
});

const enter = (version: string, adopted: boolean, retention = 5) =>
  withRegistry({}, paths, (registry) =>
    enterOutcome(registry, { version, adopted, reasons: [FAILED_GATE] }, retention),
  );
const statuses = () =>
  withRegistry({}, paths, async (registry) =>
    Object.fromEntries((await registry.list()).map(({ version, status }) => [version, status])),
  );

describe('the outcome of a bundle', () => {
  it('is entered into a store that is created for it, once however often it is reported', async () => {
    expect(existsSync(paths.trainer)).toBe(false);
    activate(paths.models, A);
    for (let told = 0; told < 2; told++) expect(await enter(A, true)).toEqual({ removed: [], failed: [] });
    expect(await statuses()).toEqual({ [A]: 'active' });
    for (let told = 0; told < 2; told++) expect(await enter(B, false)).toEqual({ removed: [], failed: [] });
    expect(await statuses()).toEqual({ [A]: 'active', [B]: 'rejected' });
    expect(readActive(paths.models)?.version).toBe(A);
  });

  it('matches active.json, even when a person was faster than the training', async () => {
    activate(paths.models, A);
    activate(paths.models, B);
    await enter(A, true);
    expect(await statuses()).toEqual({ [B]: 'active' });
  });

  it('removes the oldest unused one, whether it was adopted or not', async () => {
    activate(paths.models, A);
    await enter(A, true);
    expect(await enter(B, false, 2)).toEqual({ removed: [], failed: [] });
    expect(await enter(C, false, 2)).toEqual({ removed: [B], failed: [] });
    expect(listVersions(paths.models)).toEqual([A, C]);
    expect(await statuses()).toEqual({ [A]: 'active', [B]: 'rejected', [C]: 'rejected' });
  });
});
