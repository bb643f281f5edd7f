import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { IS_LONG, LONG_NOTE } from '../test/long.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';

const source = readFileSync(join(packageRoot(), 'mt5', 'test', 'broker.cpp'), 'utf8');
const scenarios = [...source.matchAll(/^ {2}scenario\("(.*?)",/gm)].map((match) => match[1]!);

const MINUTES_A_DAY = 1440;

/** Thousands of small files: in memory where the system has a memory file system. */
const makeFolder = (): string =>
  mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'minutehand-broker-'));

const compileBroker = (): string => compileProgram('broker', IS_LONG ? '-O2' : '-Og');

/** Output of the program for simulated days, one line per seed. */
function runDays(first: number, last: number, minutes: number): string[] {
  const folder = makeFolder();
  try {
    const args = [folder, 'days', String(first), String(last), String(minutes)];
    const { stdout, stderr } = spawnSync(compileBroker(), args, { encoding: 'utf8' });
    return [...stdout.split('\n'), ...stderr.split('\n')].filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(!hasCompiler())(`the expert advisor against a simulated broker${compilerNote()}`, () => {
  let folder: string;
  let printed: string[] = [];
  beforeAll(() => {
    folder = makeFolder();
    const { stdout, stderr } = spawnSync(compileBroker(), [folder], { encoding: 'utf8' });
    printed = [...stdout.split('\n'), stderr];
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(scenarios)('%s', (name) => {
    expect(printed.filter((line) => line.includes(` ${name}`) || line.startsWith('critical'))).toEqual([`ok ${name}`]);
  });

  it('after days with every fault mode of the terminal has no order doubled or lost, no orphan, no bar missing and no false empty minute', () => {
    const lines = runDays(1, 8, 120);
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines).toHaveLength(8);
  }, 120_000);

  it.skipIf(!IS_LONG)(
    `the same for 500 whole days${LONG_NOTE}`,
    () => {
      for (let first = 1; first <= 500; first += 50) {
        const lines = runDays(first, first + 49, MINUTES_A_DAY);
        expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
        expect(lines).toHaveLength(50);
      }
    },
    7_200_000,
  );

  it.skipIf(!IS_LONG)(
    `after months with weekends, restarts, lost connections, sleeps, account switches and chart changes has exactly the broker's volumes in its books${LONG_NOTE}`,
    () => {
      const lines = runDays(1, 6, 30 * MINUTES_A_DAY);
      expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
      expect(lines).toHaveLength(6);
    },
    1_800_000,
  );
});
