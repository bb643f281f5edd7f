import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { packageRoot } from '../shared/root.ts';

/** Of tests alone. */
const OF_TESTS = /\.(?:test|fixture)\.ts$/;

/** Paths of the TypeScript files below these folders, without tests and fixtures: from the root, with slashes. */
export function programSources(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.split(sep).join('/')}`)
      .filter((path) => path.endsWith('.ts') && !OF_TESTS.test(path)),
  );
}
