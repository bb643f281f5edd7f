import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderConfigurationDoc } from '../cli/docs/configuration_doc.ts';
import { jsonSchema } from '../shared/policy/json_schema.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { MODEL_FILES, VALIDATION_FILE } from '../shared/bundle/manifest.ts';
import { SIGNATURE_FILE } from '../shared/bundle/signature.ts';
import { packageRoot } from '../shared/root.ts';
import { EVALUATION_BARRIERS } from '../trainer/learning/strategies/pair_reversion/label/reversion.ts';

const ROOT = packageRoot();
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md'))
  .map((path) => `docs/${path.replaceAll('\\', '/')}`);

/** Every number of the configuration by full key and by last part; null if two keys share that part. */
function configuredNumbers(): Map<string, number | null> {
  const { core, retrain, signals, minutehand } = loadSettings({ env: {} });
  const numbers = new Map<string, number | null>();
  const collect = (value: unknown, path: readonly string[]): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, child] of Object.entries(value)) collect(child, [...path, key]);
    else if (typeof value === 'number')
      for (let from = 0; from < path.length; from++) {
        const key = path.slice(from).join('.');
        numbers.set(key, numbers.has(key) && numbers.get(key) !== value ? null : value);
      }
  };
  for (const part of [core, retrain, signals, minutehand]) collect(part, []);
  return numbers;
}

/** Values given in a text for configuration keys, such as `` `feed.budget_ms` (200) ``; seconds become milliseconds. */
function namedValues(text: string): { key: string; value: number }[] {
  const named = text.matchAll(/`([a-z0-9_.]+)`\s+\((-?[\d.,]+)(\s(?:ms|s|bp))?[);]/g);
  return [...named].map(([, key, value, unit]) => ({
    key: key!,
    value: Number(value!.replaceAll(',', '')) * (unit?.trim() === 's' ? 1000 : 1),
  }));
}

describe('the documents', () => {
  it('give the configured value of every key whose value they mention', () => {
    const configured = configuredNumbers();
    const wrong = [];
    let checked = 0;
    for (const page of pages)
      for (const { key, value } of namedValues(read(page))) {
        const expected = configured.get(key);
        if (expected === undefined || expected === null) continue;
        checked++;
        if (expected !== value) wrong.push(`${page}: ${key} is ${expected}, not ${value}`);
      }
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(15);
  });

  it('state the barriers of the evaluation label', () => {
    const { z_entry, z_exit, stop, horizon } = EVALUATION_BARRIERS;
    const stated = `entry ${z_entry.toFixed(1)}, exit ${z_exit}, stop ${stop}, horizon ${horizon} bars`;
    expect(read('docs/reference/MODELS.md').replace(/\s+/g, ' ')).toContain(stated);
  });

  it.each(['daemon', 'trainer/learning/training'])('list the stations that %s/pipeline.ts lists', (side) => {
    const source = read(`${side}/pipeline.ts`).replaceAll('\n * ', ' ');
    const stations = /\* (?:A bar's way: )?((?:[a-z -]+ → )+[a-z]+)\./.exec(source)![1]!;
    expect(read('docs/ARCHITECTURE.md')).toContain(`\n${stations}\n`);
  });

  it('name only source files and folders that exist', () => {
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !/^(node_modules|dist|var|\.)/.test(entry.name))
      .map(({ name }) => name);
    const all = folders.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
        (path) => `${folder}/${path.replaceAll('\\', '/')}`,
      ),
    );
    const isThere = (path: string): boolean => all.some((file) => `/${file}`.endsWith(`/${path}`));
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(/(New file )?`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs|mqh|mq5))`/g)]
        // A guide's new file is made by its reader.
        .filter(([, isNew]) => isNew === undefined)
        .map(([, , path]) => path!)
        .filter((path) => !isThere(path))
        .map((path) => `${page}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('name every folder of the parts that ARCHITECTURE lists', () => {
    const rows = read('docs/ARCHITECTURE.md').split('\n');
    const missing = ['daemon', 'trainer/learning', 'trainer/store', 'trainer/jobs', 'trainer/control', 'shared', 'cli']
      .map((part) => ({ part, row: rows.find((line) => line.startsWith(`|\`${part}/\`|`)) ?? '' }))
      .flatMap(({ part, row }) => {
        const named = new Set([...row.matchAll(/([a-z0-9_]+)\//g)].map(([, name]) => name!));
        return readdirSync(join(ROOT, part), { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && !named.has(entry.name))
          .map(({ name }) => `${part}/${name}`);
      });
    expect(missing).toEqual([]);
  });

  it('have a row for every dependency and no others', () => {
    const manifests = ['package.json', 'bin/mutation/package.json'].map(
      (path) => JSON.parse(read(path)) as Record<string, Record<string, string>>,
    );
    const page = read('docs/reference/DEPENDENCIES.md');
    const tables = page.slice(0, page.indexOf('## Overrides'));
    const named = [...tables.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell]) =>
      [...cell!.replace(/\(.*\)/, '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    );
    const installed = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'].flatMap((kind) =>
      manifests.flatMap((manifest) => Object.keys(manifest[kind] ?? {})),
    );
    // A package that users may have, and developers need, has one row.
    expect(named.sort()).toEqual([...new Set(installed)].sort());
  });

  it('have lines of at most 120 characters outside tables and code', () => {
    const long = pages.flatMap((page) =>
      read(page)
        .replace(/^ *```[\s\S]*?^ *```/gm, '')
        .split('\n')
        .filter((line) => line.length > 120 && !line.startsWith('|') && line.trim().includes(' '))
        .map((line) => `${page}: ${line.slice(0, 60)}`),
    );
    expect(long).toEqual([]);
  });

  it.each(['models/README.md', 'docs/reference/MODELS.md'])('list the files of a bundle in %s', (page) => {
    const files = [...Object.values(MODEL_FILES), VALIDATION_FILE, SIGNATURE_FILE];
    expect(files.filter((file) => !read(page).includes(`\`${file}\``))).toEqual([]);
  });

  it('mention no part of the product without a folder', () => {
    const texts = [renderConfigurationDoc(), JSON.stringify(jsonSchema('minutehand'))];
    expect(/dashboard/i.test(texts.join(''))).toBe(existsSync(join(ROOT, 'dashboard')));
  });
});
