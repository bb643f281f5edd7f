import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import type { Machine } from '../machine.ts';
import { compareTurns, compareWithBaseline, readBaseline, type CompareResult } from './compare.ts';
import { fingerprintOf, thisVersion, type Baseline, type Round } from './rounds.ts';

const MACHINE = { cpus: 2, cpu: 'x', memory_gib: 8, platform: 'linux', node: '20.1.0' } as unknown as Machine;
const folder = mkdtempSync(join(tmpdir(), 'minutehand-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Eight rounds, each slightly slower than the previous one. */
function rounds(speed: number, decide: number): Round[] {
  return Array.from({ length: 8 }, (_, round) => {
    const drift = speed * (1 + round / 100);
    return { reference_us: 1000 * drift, stations: { decide: decide * drift, infer: 20 * drift } };
  });
}

const baseline = (fingerprint: string): Baseline => ({
  version: '1.0.0',
  fingerprint,
  machine: MACHINE,
  minutes: 100,
  rounds: rounds(1, 50),
});

const verdicts = ({ stations }: Pick<CompareResult, 'stations'>) =>
  Object.fromEntries(Object.entries(stations).map(([name, { verdict }]) => [name, verdict]));

describe('the comparison of rounds', () => {
  it('finds the station that became slower, by turns', () => {
    expect(verdicts(compareTurns(rounds(1, 50), rounds(1, 60)))).toEqual({
      decide: 'slower',
      infer: 'no difference shown',
    });
  });

  it('is not misled by a machine that is slower now than when the baseline was saved', () => {
    const result = compareWithBaseline(baseline('m'), 'm', rounds(1.7, 40));
    expect(verdicts(result)).toEqual({ decide: 'faster', infer: 'no difference shown' });
    expect(result.stations['decide']!.ratio).toBeCloseTo(0.8, 12);
  });

  it('gives no verdict on another machine', () => {
    const result = compareWithBaseline(baseline('m'), fingerprintOf(MACHINE), rounds(1, 90));
    expect([result.same_machine, verdicts(result)]).toEqual([false, { decide: null, infer: null }]);
  });

  it('ignores stations that only one side measured', () => {
    const before = rounds(1, 50).map((round) => ({ ...round, stations: { ...round.stations, redis: 5 } }));
    expect(Object.keys(compareTurns(before, rounds(1, 50)).stations)).toEqual(['decide', 'infer']);
  });

  it('refuses a file that is no baseline', () => {
    const file = join(folder, 'none.json');
    writeFileSync(file, '{"rounds": 3}');
    expect(() => readBaseline(file)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });
});

const bench = async (...args: string[]): Promise<CompareResult> => {
  const program = join(packageRoot(), 'dist', 'cli', 'minutehand.js');
  const all = [program, 'bench', '--rounds', '1', '--minutes', '5', '--json', ...args];
  return JSON.parse((await promisify(execFile)(process.execPath, all)).stdout) as CompareResult;
};

it(`\`bench --save-baseline\` writes what --compare reads`, { timeout: 180_000 }, async () => {
  const file = join(folder, 'baseline.json');
  await bench('--save-baseline', file);
  const { version, rounds: saved } = readBaseline(file);
  expect([version, saved.length]).toEqual([thisVersion(), 1]);
  const result = await bench('--compare', file);
  expect(result).toMatchObject({ method: 'unpaired', same_machine: true, rounds: 1 });
  expect(Object.keys(result.stations).sort()).toEqual(Object.keys(saved[0]!.stations).sort());
  expect(verdicts(result)).toMatchObject({ decide: 'no difference shown', bar_to_signal: 'no difference shown' });
  expect(await bench('--compare', packageRoot())).toMatchObject({ method: 'paired' });
});
