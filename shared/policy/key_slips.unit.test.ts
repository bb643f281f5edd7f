import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isMap, isScalar, parseDocument, type Document } from 'yaml';
import { packageRoot } from '../root.ts';
import { namedKeys } from './named_keys.fixture.ts';
import { inspectSettings } from './policy.ts';
import { CONFIG_FILES, type ConfigPart } from './schema.ts';

let configDir = '';
beforeEach(() => {
  configDir = mkdtempSync(join(tmpdir(), 'minutehand-config-'));
  cpSync(join(packageRoot(), 'config'), configDir, { recursive: true });
});
afterEach(() => rmSync(configDir, { recursive: true, force: true }));

describe('a key that does not exist', () => {
  it.each(Object.keys(CONFIG_FILES) as ConfigPart[])(
    'is led back to the right one for a slip in any key of %s',
    (part) => {
      const file = join(configDir, CONFIG_FILES[part]);
      const text = readFileSync(file, 'utf8');
      for (const paths of apart(namedKeys(part))) {
        const document = parseDocument(text);
        for (const path of paths) misspell(document, path);
        writeFileSync(file, document.toString());
        const { problems } = inspectSettings({ configDir, env: {} });
        expect(problems.map((problem) => problem.text).sort()).toEqual(
          paths.map((path) => `is not a key of this file (did you mean "${path.join('.')}"?)`).sort(),
        );
      }
    },
  );
});

/** Two neighboring letters change places: the commonest slip, two edits away. */
function misspell(document: Document, path: readonly string[]): void {
  const key = path.at(-1)!;
  const at = [...key].findIndex((letter, index) => index > 0 && letter !== key[index - 1]);
  const section = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1));
  if (!isMap(section)) throw new Error(`${path.join('.')} is not in a map`);
  const pair = section.items.find((item) => isScalar(item.key) && item.key.value === key);
  if (!pair || !isScalar(pair.key)) throw new Error(`${path.join('.')} was not found`);
  pair.key.value = key.slice(0, at - 1) + key[at] + key[at - 1] + key.slice(at + 1);
}

/** Batches of a few keys, none of which is in a section that another one of its batch names. */
function apart(paths: readonly (readonly string[])[]): (readonly string[])[][] {
  const batches: (readonly string[])[][] = [];
  const isWithin = (path: readonly string[], other: readonly string[]): boolean =>
    other.every((key, index) => path[index] === key);
  for (const path of paths) {
    const batch = batches.find(
      (others) => others.length < 8 && !others.some((other) => isWithin(path, other) || isWithin(other, path)),
    );
    if (batch) batch.push(path);
    else batches.push([path]);
  }
  return batches;
}
