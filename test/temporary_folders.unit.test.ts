import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { TEMPORARY_FOLDER, temporaryFolder } from '../shared/temporary_folder.ts';

/** They make one in a folder that they empty at the start, or try whether one can be made. */
const OWN_PLACE = ['shared/temporary_folder.ts', 'trainer/control/imports/file_imports.ts', 'cli/environment_check.ts'];

it('temporary folders of the program have names by which those of killed processes are removed', () => {
  const made = [temporaryFolder('verify'), temporaryFolder('change')];
  for (const folder of made) {
    expect(basename(folder)).toMatch(TEMPORARY_FOLDER);
    rmSync(folder, { recursive: true });
  }
  const root = packageRoot();
  const others = ['shared', 'daemon', 'trainer', 'cli'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(path))
      .map((path) => join(folder, path).replaceAll('\\', '/'))
      .filter((path) => readFileSync(join(root, path), 'utf8').includes('mkdtemp')),
  );
  expect(others.filter((path) => !OWN_PLACE.includes(path))).toEqual([]);
});
