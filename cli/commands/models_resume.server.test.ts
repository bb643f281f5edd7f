import { Command } from 'commander';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate } from '../../test/activate.ts';
import { addHalts, ALL_PAIRS, haltsPath, readHalts, type Halt } from '../../shared/bundle/halts.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { Output } from '../output.ts';
import { addModels } from './models.ts';

const VERSION = '20261101_0300';
const [GOLD, EURO] = loadSettings({ env: {} }).minutehand.pairs as [string, string];

let home: string;
let models: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-resume-'));
  vi.stubEnv('MINUTEHAND_HOME', home);
  models = join(home, 'models');
  mkdirSync(join(models, VERSION), { recursive: true });
  writeFileSync(join(models, VERSION, 'manifest.json'), '{}');
  activate(models, VERSION);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

function halt(pair_id: string): Halt {
  return {
    pair_id,
    reason: 'drawdown',
    seen: '0.21',
    limit: '0.15',
    version: VERSION,
    since: '2026-11-20T07:30:00.000Z',
  };
}

/** Runs a command in this process. */
async function run(...args: string[]): Promise<{ lines: string[]; notes: string[]; result: unknown }> {
  const printed = { lines: [] as string[], notes: [] as string[], result: null as unknown };
  const output: Output = {
    json: false,
    line: (text) => void printed.lines.push(text),
    print: () => undefined,
    note: (text) => void printed.notes.push(text),
    missing: (text) => void printed.notes.push(text),
    result: (value) => void (printed.result = value),
    written: () => undefined,
    progress: () => ({ update: () => undefined, stop: () => undefined }),
  };
  const program = new Command();
  addModels(program, () => output);
  await program.parseAsync(['models', ...args], { from: 'user' });
  return printed;
}

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('minutehand models resume', () => {
  it('lifts the halt of a pair and prints it; models list prints what is halted', async () => {
    addHalts(models, [halt(GOLD), halt(EURO)]);
    expect((await run('list')).lines.filter((line) => line.startsWith('Halted'))).toEqual([
      `Halted: ${GOLD}: drawdown 0.21, limit 0.15, since 2026-11-20T07:30:00.000Z`,
      `Halted: ${EURO}: drawdown 0.21, limit 0.15, since 2026-11-20T07:30:00.000Z`,
    ]);
    const { lines, result } = await run('resume', GOLD);
    expect(lines[0]).toBe(`Lifted: ${GOLD}: drawdown 0.21, limit 0.15, since 2026-11-20T07:30:00.000Z`);
    expect(result).toMatchObject({ version: VERSION, pair: GOLD, lifted: [halt(GOLD)] });
    expect(readHalts(models).halts).toEqual([halt(EURO)]);
    expect((await run('list')).result).toMatchObject({ halts: [halt(EURO)] });
    expect((await run('resume', GOLD)).lines).toEqual([
      `halts.json names no halt of ${GOLD} under models ${VERSION}; one that a daemon still has is lifted.`,
    ]);
  });

  it('with `all` lifts every halt, and repairs a damaged file, which models list survives', async () => {
    addHalts(models, [halt(GOLD), halt(ALL_PAIRS)]);
    expect((await run('resume', 'all')).result).toMatchObject({ lifted: [halt(GOLD), halt(ALL_PAIRS)] });
    writeFileSync(haltsPath(models), '{');
    const list = await run('list');
    expect(list.notes.join()).toContain('HALTS_FORMAT');
    expect(list.result).toMatchObject({ halts: null });
    await run('resume', 'all');
    expect(readHalts(models).halts).toEqual([]);
  });

  it('fails for a pair that stays halted because all are, for an unknown one, and without models', async () => {
    addHalts(models, [halt(ALL_PAIRS)]);
    await expect(run('resume', GOLD)).rejects.toThrow(withCode('USAGE'));
    expect(readHalts(models).halts).toEqual([halt(ALL_PAIRS)]);
    await expect(run('resume', 'USDJPY_XYZ')).rejects.toThrow(withCode('PAIR_UNKNOWN'));
    rmSync(join(models, 'active.json'));
    await expect(run('resume', 'all')).rejects.toThrow(withCode('MODEL_MISSING'));
  });
});
