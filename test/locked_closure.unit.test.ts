import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

type Packages = Record<string, { dependencies?: Record<string, string> }>;
const PATH = join(packageRoot(), 'bin', 'locked_closure.mjs');
const { lockedClosure } = (await import(PATH)) as { lockedClosure(packages: Packages, name: string): Packages };

const needs = (...names: string[]) => ({ dependencies: Object.fromEntries(names.map((name) => [name, '*'])) });

it('a package comes with all that it needs, from where Node would load it', () => {
  const packages: Packages = {
    'node_modules/a': needs('b', 'c'),
    'node_modules/a/node_modules/b': needs('d'),
    'node_modules/b': needs('e'),
    'node_modules/c': needs('b'),
    'node_modules/d': needs('a'),
    'node_modules/e': {},
    'node_modules/f': {},
  };
  expect(Object.keys(lockedClosure(packages, 'a')).sort()).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/b',
    'node_modules/c',
    'node_modules/d',
    'node_modules/e',
  ]);
});

it('every package that one of the closure needs and the lock file has is in it; the others are unchanged', () => {
  const { packages } = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8')) as {
    packages: Packages;
  };
  const top = Object.keys(packages).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1] ?? []);
  fc.assert(
    fc.property(fc.constantFrom(...top), (name) => {
      const found = lockedClosure(packages, name);
      for (const [path, entry] of Object.entries(found)) {
        expect(entry).toBe(packages[path]);
        for (const needed of Object.keys(entry.dependencies ?? {})) {
          const places = placesOf(path, needed).filter((place) => place in packages);
          if (places.length > 0) expect(found).toHaveProperty([places[0]!]);
        }
      }
    }),
  );
});

/** All folders in which Node looks, the nearest first. */
function placesOf(path: string, name: string): string[] {
  const folders = path.split('/node_modules/').map((_, at, all) => all.slice(0, at + 1).join('/node_modules/'));
  return [...folders.reverse(), ''].map((folder) => `${folder === '' ? '' : `${folder}/`}node_modules/${name}`);
}
