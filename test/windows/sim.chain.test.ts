import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeedReport } from '../../sim/sim.ts';
import { packageRoot } from '../../shared/root.ts';
import { createWindowsWorkplace, IS_WINDOWS, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts';

const SEEDS = '1..12';

interface SimReport {
  readonly signals: number;
  readonly failed: readonly SeedReport[];
  simulatedHoursPerSecond?: number;
}

describe.runIf(IS_WINDOWS)(`the simulated worlds on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  const reportOf = (json: string): SimReport => {
    const report = JSON.parse(json) as SimReport;
    // The one thing that another machine changes.
    delete report.simulatedHoursPerSecond;
    return report;
  };

  it('are clean, and the same as on Linux', { timeout: 600_000 }, async () => {
    const args = ['sim', '--seeds', SEEDS, '--json'];
    const there = await place.run(...args);
    expect(there.code, there.stderr).toBe(0);
    const report = reportOf(there.stdout);
    expect(report.failed).toEqual([]);
    expect(report.signals).toBeGreaterThan(100);
    if (process.platform === 'win32') return;
    const here = spawnSync(process.execPath, ['dist/cli/minutehand.js', ...args], {
      cwd: packageRoot(),
      encoding: 'utf8',
    });
    expect(report).toEqual(reportOf(here.stdout));
  });
});
