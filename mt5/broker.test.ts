import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';

const source = readFileSync(join(packageRoot(), 'mt5', 'test', 'broker.cpp'), 'utf8');
const scenarios = [...source.matchAll(/^ {2}scenario\("(.*?)",/gm)].map((match) => match[1]!);

describe.skipIf(!hasCompiler())(`the expert advisor against a simulated broker${compilerNote()}`, () => {
  let folder: string;
  let said: string[] = [];
  beforeAll(() => {
    // Thousands of small files: in memory where there is such a place.
    folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'minutehand-broker-'));
    const { stdout, stderr } = spawnSync(compileProgram('broker'), [folder], { encoding: 'utf8' });
    said = [...stdout.split('\n'), stderr];
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(scenarios)('%s', (name) => {
    expect(said.filter((line) => line.includes(` ${name}`) || line.startsWith('critical'))).toEqual([`ok ${name}`]);
  });
});
