import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace } from './cli_process.ts';

/** Longer than any start that fails by itself. */
const HANGS_MS = 30_000;

const workplace = createWorkplace({
  minutehand: { market: 'simulated', simulated: { history_bars: 300, bar_interval_ms: 50 } },
});
afterAll(() => workplace.remove());

/** Of the newest signal of the first pair; 0 before it. */
function lastSeq(): number {
  const path = join(workplace.home, 'signals', workplace.settings.minutehand.pairs[0]!, 'signal.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { seq: number }).seq : 0;
}

/** Overwrites the middle half, as a failing disk does. */
function damage(path: string): void {
  const { size } = statSync(path);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(Math.floor(size / 2), 0xa5), 0, Math.floor(size / 2), Math.floor(size / 4));
  closeSync(file);
}

describe('a daemon whose journal is damaged', { timeout: 4 * HANGS_MS }, () => {
  it('ends its start within seconds, with a code, the file and the next step, and so does a replay', async () => {
    const daemon = workplace.start(['daemon']);
    await expect.poll(daemon.stdout, { timeout: HANGS_MS }).toContain('Daemon listens');
    await expect.poll(lastSeq, { timeout: HANGS_MS }).toBeGreaterThan(20);
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    const journal = readdirSync(workplace.home).find((name) => name.startsWith('simulated_') && name.endsWith('.db'))!;
    damage(join(workplace.home, journal));
    const { code, stderr } = await workplace.run(['daemon'], { killAfterMs: HANGS_MS });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^JOURNAL_DAMAGED: .*simulated_main\.db/m);
    expect(stderr).not.toContain('    at ');
    const replay = await workplace.run(['replay', '--journal', join(workplace.home, journal)], {
      killAfterMs: HANGS_MS,
    });
    expect(replay.code).toBe(1);
    expect(replay.stderr).toMatch(/^(DATABASE|JOURNAL)_DAMAGED: /m);
    expect(replay.stderr).not.toContain('    at ');
  });
});

describe('a daemon that may not open enough files', { timeout: 4 * HANGS_MS }, () => {
  it.runIf(process.platform === 'linux').each([
    [26, 'dist/cli/minutehand.js'],
    [26, 'bin/minutehand.mjs'],
    [32, 'dist/cli/minutehand.js'],
    [64, 'dist/cli/minutehand.js'],
  ])('names a limit of %i open files, by %s', (limit, path) => {
    const home = join(workplace.folder, `files_${limit}_${basename(path)}`);
    mkdirSync(home);
    const program = join(packageRoot(), path);
    const command = `ulimit -n ${limit}; exec "${process.execPath}" "${program}" daemon 2>&1`;
    const env = { ...process.env, MINUTEHAND_HOME: home, MINUTEHAND_CONFIG: workplace.config };
    let output = '';
    try {
      execFileSync('bash', ['-c', command], { env, timeout: HANGS_MS, encoding: 'utf8' });
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    expect(output).toContain('FILES_EXHAUSTED: ');
    expect(output).not.toContain('    at ');
  });
});
