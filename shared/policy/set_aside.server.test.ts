import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';
import { CONFIG_FILE_NAMES, writeApproved } from './approved.ts';
import { loadSettings } from './policy.ts';
import { setAside, setAsideText } from './set_aside.ts';

let folder: string;
let config: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-aside-'));
  config = join(folder, 'config');
  cpSync(join(packageRoot(), 'config'), config, { recursive: true });
  env = { MINUTEHAND_HOME: join(folder, 'home'), MINUTEHAND_CONFIG: config };
});
afterEach(() => rmSync(folder, { recursive: true }));

function approve(): void {
  const texts = Object.fromEntries(CONFIG_FILE_NAMES.map((name) => [name, readFileSync(join(config, name), 'utf8')]));
  const commit = 'c'.repeat(40);
  const change = { change_id: 2, author: 'ann', approver: 'bob', reason: 'r', applied_at: '2026-11-20T12:00:00Z' };
  writeApproved(join(folder, 'home', 'policy'), { ...change, commit }, texts);
}

function edit(from: string, to: string): void {
  const file = join(config, 'minutehand.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

describe('a configuration folder after an approved change', () => {
  it('is not set aside where nothing was approved, or where it says the same', () => {
    edit('EURUSD: { spread_bps: 0.2', 'EURUSD: { spread_bps: 3.3');
    expect(setAside(loadSettings({ env }), env)).toBeNull();
    approve();
    expect(setAside(loadSettings({ env }), env)).toBeNull();
  });

  it('is told with the values that nothing reads', () => {
    approve();
    edit('EURUSD: { spread_bps: 0.2', 'EURUSD: { spread_bps: 3.3');
    const settings = loadSettings({ env });
    expect(settings.minutehand.symbols['EURUSD']!.spread_bps).toBe(0.2);
    const found = setAside(settings, env);
    expect(found).toEqual({ folder: config, change: 2, keys: ['minutehand.symbols.EURUSD.spread_bps'], problems: [] });
    expect(setAsideText(found!)).toMatch(
      /not in effect since change 2 was approved: they differ in minutehand\.symbols/,
    );
  });

  it('is told with what is wrong with it', () => {
    approve();
    edit('EURUSD: { spread_bps: 0.2', 'EURUSD: { spread_bps: cheap');
    const found = setAside(loadSettings({ env }), env);
    expect(found!.problems.map(({ key }) => key)).toEqual(['symbols.EURUSD.spread_bps']);
    expect(setAsideText(found!)).toContain('they are faulty');
  });
});
