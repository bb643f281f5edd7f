import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';
import { inspectSettings } from './policy.ts';
import { readYamlFile } from './yaml_file.ts';

const folder = mkdtempSync(join(tmpdir(), 'utf16-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const little = (text: string): Buffer => Buffer.from(text, 'utf16le');

it.each<[string, (text: string) => Buffer]>([
  ['UTF-16 with its mark', (text) => little(`\uFEFF${text}`)],
  ['UTF-16 of the other order', (text) => little(`\uFEFF${text}`).swap16()],
  ['UTF-16 without a mark', little],
  ['UTF-8 with a mark', (text) => Buffer.from(`\uFEFF${text}`)],
])('the configuration and strategies mean the same when they are saved as %s', (name, save) => {
  const config = join(folder, name);
  cpSync(join(packageRoot(), 'config'), config, { recursive: true });
  const files = readdirSync(config, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  expect(files.length).toBeGreaterThan(4);
  const plain = files.map((file) => readYamlFile(join(config, file)));
  for (const file of files)
    writeFileSync(join(config, file), save(readFileSync(join(config, file), 'utf8').replaceAll('\n', '\r\n')));
  for (const [i, file] of files.entries()) {
    const read = readYamlFile(join(config, file));
    expect([file, 'yaml' in read && read.yaml.value]).toEqual([file, 'yaml' in plain[i]! && plain[i]!.yaml.value]);
  }
  expect(inspectSettings({ configDir: config }).problems).toEqual([]);
});
