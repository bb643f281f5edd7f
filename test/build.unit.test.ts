import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

/** Reference implementations that the simulation and the bench use at run time. */
const REFERENCES = [
  'shared/bundle/input_novelty.oracle.js',
  'shared/core/features/features.oracle.js',
  'shared/strategies/pair_reversion/decide.oracle.js',
];

it('the build contains no test or fixture, and only the oracles that sim and bench use', () => {
  const compiled = readdirSync(join(packageRoot(), 'dist'), { recursive: true, encoding: 'utf8' });
  const testKits = compiled.filter((path) => /\.(test|fixture|oracle)\.js$/.test(path));
  expect(testKits.map((path) => path.split(sep).join('/')).sort()).toEqual(REFERENCES);
});

it('every thread’s program starts from its bundle', () => {
  const dist = join(packageRoot(), 'dist');
  const compiled = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.js') && !path.startsWith('bundle'),
  );
  const threads = compiled.flatMap((path) =>
    [...readFileSync(join(dist, path), 'utf8').matchAll(/"\.\/(\w+\.js)", import\.meta\.url|= "dist\/(.+\.js)"/g)].map(
      ([, beside, named]) => named ?? join(dirname(path), beside!),
    ),
  );
  expect(threads.length).toBeGreaterThan(8);
  for (const thread of threads) expect(readFileSync(join(dist, thread), 'utf8')).toMatch(/^export \* from '.*bundle\//);
});

it('a short command loads only the packages that it uses', () => {
  const bundle = join(packageRoot(), 'dist', 'bundle');
  const textOf = (chunk: string): string => readFileSync(join(bundle, chunk), 'utf8');
  const loaded = new Set<string>();
  const load = (chunk: string): void => {
    if (loaded.has(chunk)) return;
    loaded.add(chunk);
    for (const [, next] of textOf(chunk).matchAll(/^(?:import|\} from) "\.\/(.+\.js)";$/gm)) load(next!);
  };
  const packages = (): string[] => {
    const named = [...loaded].flatMap((chunk) => [...textOf(chunk).matchAll(/^\/\/ node_modules\/([^/]+)/gm)]);
    return [...new Set(named.map(([, name]) => name!))].sort();
  };
  load('cli.minutehand.js');
  // A chunk of its own: an error while it is loaded is reported with its code.
  load('cli.main.js');
  expect(packages()).toEqual(['commander']);
  const [config] = [...loaded].flatMap((chunk) => /import\("\.\/(config-\w+\.js)"\)/.exec(textOf(chunk))?.[1] ?? []);
  load(config!);
  expect(packages()).toEqual(['commander', 'node-cron', 'yaml', 'zod']);
});

it('programs contain no other language of zod than English: half of its code is translations', () => {
  const bundle = join(packageRoot(), 'dist', 'bundle');
  const [own] = JSON.parse(readFileSync(join(bundle, 'chunks.json'), 'utf8')) as string[][];
  const texts = own!.map((chunk) => readFileSync(join(bundle, chunk), 'utf8'));
  const languages = texts.flatMap((text) => [...text.matchAll(/^\/\/ node_modules\/zod\/v4\/locales\/(.+)\.js$/gm)]);
  // All of them come with `import { z } from 'zod'`, of which a bundler cannot leave anything out.
  expect([...new Set(languages.map(([, language]) => language))]).toEqual(['en']);
});

it('a new build keeps the chunks of the last nine before it, and no older ones', async () => {
  const { keepChunks } = (await import(pathToFileURL(join(packageRoot(), 'bin/bundle.mjs')).href)) as {
    keepChunks(replaced: string, fresh: string): void;
  };
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-build-'));
  const build = (name: string, replaced: string): readonly string[] => {
    mkdirSync(join(folder, name));
    for (const chunk of ['main.js', `chunk-${name}.js`]) writeFileSync(join(folder, name, chunk), name);
    keepChunks(join(folder, replaced), join(folder, name));
    return readdirSync(join(folder, name)).filter((file) => file.endsWith('.js'));
  };
  expect(build('A', 'none')).toEqual(['chunk-A.js', 'main.js']);
  expect(build('B', 'A')).toEqual(['chunk-A.js', 'chunk-B.js', 'main.js']);
  expect(build('C', 'B')).toEqual(['chunk-A.js', 'chunk-B.js', 'chunk-C.js', 'main.js']);
  expect(readFileSync(join(folder, 'C', 'main.js'), 'utf8')).toBe('C');
  for (const [index, name] of [...'DEFGHIJ'].entries()) build(name, 'CDEFGHI'[index]!);
  const tenth = [...'ABCDEFGHIJ'].map((name) => `chunk-${name}.js`);
  expect(readdirSync(join(folder, 'J'))).toEqual([...tenth, 'chunks.json', 'main.js']);
  expect(build('K', 'J')).toEqual([...tenth.slice(1), 'chunk-K.js', 'main.js']);
  // As an earlier version of the build left it.
  writeFileSync(join(folder, 'A', 'chunks.json'), JSON.stringify(['chunk-A.js', 'main.js']));
  expect(build('L', 'A')).toEqual(['chunk-A.js', 'chunk-L.js', 'main.js']);
  rmSync(folder, { recursive: true });
});
