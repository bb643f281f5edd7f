import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readYamlFile } from './yaml_file.ts';

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-yaml-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string): { file: string; result: ReturnType<typeof readYamlFile> } {
  const file = join(folder, 'file.yaml');
  writeFileSync(file, text);
  return { file, result: readYamlFile(file) };
}

describe('readYamlFile', () => {
  it('finds the position of a key or list item, else that of the nearest one above it', () => {
    const { file, result } = read('a:\n  - x\n  - y: 1\nb: { 7: 2 }\n');
    if (!('yaml' in result)) throw new Error('no YAML');
    const { value, where } = result.yaml;
    expect(value).toEqual({ a: ['x', { y: 1 }], b: { 7: 2 } });
    for (const [path, place] of [
      [[], '1:1'],
      [['a'], '1:1'],
      [['a', 0], '2:5'],
      [['a', 1], '3:5'],
      [['a', 1, 'y'], '3:5'],
      [['a', 1, 'z'], '3:5'],
      [['a', 9], '1:1'],
      [['a', '1'], '1:1'],
      [['b', '7'], '4:6'],
      [['b', 7], '4:6'],
      [['b', '7', 'deeper'], '4:6'],
      [['nothing', 'b'], '1:1'],
    ] as const)
      expect(where(path), path.join('.')).toBe(`${file}:${place}`);
  });

  it('finds positions in a plain text, too, and every time', () => {
    const { file, result } = read('a: 1\nb:\n  - x\n');
    if (!('yaml' in result)) throw new Error('no YAML');
    expect(result.yaml.value).toEqual({ a: 1, b: ['x'] });
    for (const [path, place] of [
      [['b', 0], '3:5'],
      [['b'], '2:1'],
    ] as const)
      expect(result.yaml.where(path)).toBe(`${file}:${place}`);
  });

  it('reports the parser’s error with its position in one line, and a missing file its reason', () => {
    const { file, result } = read('a: 1\na: 2\n');
    expect(result).toEqual({
      problems: [{ code: 'CONFIG_SYNTAX', where: `${file}:2:1`, key: '', text: 'duplicate key' }],
    });
    expect(readYamlFile(join(folder, 'none.yaml'))).toEqual({
      problems: [
        {
          code: 'CONFIG_MISSING',
          where: join(folder, 'none.yaml'),
          key: '',
          text: 'the file cannot be read (ENOENT)',
        },
      ],
    });
  });

  it('refuses aliases that multiply without end', () => {
    const rows = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
    const { file, result } = read(`l0: &l0 [1, 1]\n${rows.join('\n')}\n`);
    expect(result).toEqual({
      problems: [{ code: 'CONFIG_SYNTAX', where: file, key: '', text: 'the document has more than 20000 values' }],
    });
  });
});
