import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { skipNote } from './skip_note.ts';

const PROGRAM = join(packageRoot(), 'examples', 'real_bars.mjs');
const REAL = join(packageRoot(), '..', 'shared', 'data', 'm1');
const hasReal = existsSync(REAL);
const STATUS_REPORT = 'Gap Report\nGap of 61s found between 20190102180000 and 20190102180101.\n';
let folder: string;
let source: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-real-bars-'));
  source = join(folder, 'downloads');
  mkdirSync(source);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function realBars(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number>((ended) => child.on('close', ended));
  return { code, stdout, stderr };
}

describe('examples/real_bars.mjs', () => {
  it('says what it takes when it is given nothing', async () => {
    expect(await realBars([])).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: node examples') });
  });

  it('ends with the first command that fails, its code and the next step', async () => {
    writeFileSync(join(source, 'notes.csv'), 'no bars\n');
    const { code, stdout, stderr } = await realBars([source, '--home', join(folder, 'home')]);
    expect(code).toBe(1);
    expect(stdout).toContain('$ npx minutehand bars import');
    expect(stdout).not.toContain('train');
    expect(stderr).toMatch(/DATA_FORMAT: /);
    expect(stderr.trimEnd()).toMatch(/minutehand bars import .* ended with exit code 1$/);
  });

  it('goes on beside the status report and the zip that HistData delivers, and names both', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `20190102 18${String(i).padStart(2, '0')}00;1.1;1.1;1.1;1.1;0`);
    writeFileSync(join(source, 'DAT_ASCII_EURUSD_M1_2019.csv'), `${rows.join('\n')}\n`);
    writeFileSync(join(source, 'DAT_ASCII_EURUSD_M1_2019.txt'), STATUS_REPORT);
    writeFileSync(join(source, 'HISTDATA_COM_ASCII_EURUSD_M12019.zip'), 'PK\u0003\u0004');
    const { code, stdout, stderr } = await realBars([source, '--home', join(folder, 'home')]);
    expect(stderr).toContain('DAT_ASCII_EURUSD_M1_2019.txt: no bars, a report on the file of that name; left out.');
    expect(stderr).toContain('HISTDATA_COM_ASCII_EURUSD_M12019.zip: not imported');
    expect(stdout).toContain('$ npx minutehand train');
    // Half an hour of one symbol is too little to learn from.
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).not.toBe('');
  });

  it.runIf(hasReal)(
    `says what a trade of real bars earns and costs${skipNote(!hasReal, 'no real data here')}`,
    async () => {
      for (const symbol of ['EURUSD', 'GBPUSD'])
        copyFileSync(join(REAL, `${symbol}.csv.gz`), join(source, `${symbol}.csv.gz`));
      const { code, stdout, stderr } = await realBars([source, '--home', join(folder, 'home')]);
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/AUC of 0\.6\d\d; -?0\.0\d\d ± 0\.0\d\d of it/);
      expect(stdout).toContain('EURUSD_GBPUSD: NO_EDGE');
      for (const timeframe of ['1m', '5m', '15m', '1h'])
        expect(stdout).toMatch(
          new RegExp(
            `bars of ${timeframe}: \\d+ trades, each -?\\d+\\.\\d+ bps - 1\\.\\d+ costs - -?\\d+\\.\\d+ swaps = -`,
          ),
        );
      for (const [, ...texts] of stdout.matchAll(/each (\S+) bps - (\S+) costs - (\S+) swaps = (\S+) net/g)) {
        const [gross, cost, swap, net] = texts.map(Number) as [number, number, number, number];
        // Each of the four is rounded.
        expect(Math.abs(gross - cost - swap - net), texts.join(' ')).toBeLessThan(0.021);
      }
      const nets = [...stdout.matchAll(/without models.* = (\S+) net/g)].map(([, net]) => Number(net));
      expect(stdout).toMatch(new RegExp(`Highest net: .*, ${Math.max(...nets).toFixed(2)} bps per trade`));
      expect(stdout).toContain('Nothing pays');
      expect(existsSync(join(folder, 'home', 'report', 'report.html'))).toBe(true);
    },
    1_800_000,
  );
});
