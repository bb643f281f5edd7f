import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../root.ts';
import { openLogFile, type LogFile } from './log_file.ts';
import { skipNote } from '../../test/skip_note.ts';

let folder: string;
let path: string;
let files: LogFile[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-log-'));
  path = join(folder, 'made', 'of.log');
  files = [];
});
afterEach(async () => {
  for (const file of files) await file.close();
  rmSync(folder, { recursive: true, force: true });
});

function openFile(at = path): LogFile {
  const file = openLogFile(at);
  files.push(file);
  return file;
}

const text = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');
const add = (file: LogFile, from: number, to: number): void => {
  for (let index = from; index < to; index++) file.write(`line ${index}\n`);
};

describe('a log file', () => {
  it('does not exist before its first line, nor does its folder', async () => {
    const file = openFile();
    file.flush();
    await file.close();
    expect(existsSync(join(folder, 'made'))).toBe(false);
  });

  it('has every line shortly after the call, in order, and none while the caller still runs', async () => {
    const file = openFile();
    add(file, 0, 100);
    expect(text()).toBe('');
    await expect.poll(text).toBe(lines(0, 100));
    add(file, 100, 5000);
    await expect.poll(text).toBe(lines(0, 5000));
    expect(file.lost).toBe(0);
  });

  it('accepts more in one turn than may wait for a disk', async () => {
    const file = openFile();
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 6000; index++) {
      file.write(line);
      if (index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await file.close();
    expect(file.lost).toBe(0);
    expect(text()).toHaveLength(6000 * 1024);
  });

  it('is renamed when it is full, so that two files have a bound, and no line is lost or repeated', async () => {
    const file = openLogFile(path, 10_000);
    files.push(file);
    const full = (): string => (existsSync(`${path}.full`) ? readFileSync(`${path}.full`, 'utf8') : '');
    add(file, 0, 2000);
    await expect.poll(text).toBe(lines(0, 2000));
    // Once a second it is looked at.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    add(file, 2000, 2010);
    await expect.poll(text).toBe(lines(2000, 2010));
    expect(full()).toBe(lines(0, 2000));
    add(file, 2010, 4000);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    add(file, 4000, 4001);
    await expect.poll(text).toBe(lines(4000, 4001));
    expect(full()).toBe(lines(2000, 4000));
    expect(file.lost).toBe(0);
  });

  it('has them at once after flush, also while another write is in progress', async () => {
    const file = openFile();
    add(file, 0, 10);
    file.flush();
    expect(text()).toBe(lines(0, 10));
    const long = `${'x'.repeat(400_000)}\n`;
    file.write(long);
    await new Promise((resolve) => setTimeout(resolve, 101));
    add(file, 10, 20);
    file.flush();
    expect(text()).toContain(lines(10, 20));
    await file.close();
    expect(text().split('\n').sort()).toEqual((lines(0, 20) + long).split('\n').sort());
  });

  it('appends to the lines of another process, or an earlier one', async () => {
    const one = openFile();
    const other = openFile();
    one.write('one\n');
    one.flush();
    other.write('other\n');
    other.flush();
    await one.close();
    const later = openFile();
    later.write('later\n');
    await later.close();
    expect(text()).toBe('one\nother\nlater\n');
  });

  it('has all lines when it was closed, and counts later ones as lost', async () => {
    const file = openFile();
    add(file, 0, 1000);
    await file.close();
    expect(text()).toBe(lines(0, 1000));
    file.write('late\n');
    file.flush();
    expect(file.lost).toBe(1);
    expect(text()).toBe(lines(0, 1000));
  });
});

describe('a log file that is renamed, as logrotate does', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['continues in a new file of the old name, and no line is lost', () => renameSync(path, `${path}.1`)],
    ['and created again continues in the new one', () => (renameSync(path, `${path}.1`), writeFileSync(path, ''))],
  ])('%s', async (_what, rotate) => {
    const rotated = (): string => (existsSync(`${path}.1`) ? readFileSync(`${path}.1`, 'utf8') : '');
    const file = openFile();
    add(file, 0, 10);
    await expect.poll(text).toBe(lines(0, 10));
    rotate();
    add(file, 10, 20);
    await expect.poll(rotated).toBe(lines(0, 20));
    vi.advanceTimersByTime(1001);
    add(file, 20, 30);
    await expect.poll(text).toBe(lines(20, 30));
    add(file, 30, 40);
    file.flush();
    expect(text()).toBe(lines(20, 40));
    expect([rotated(), file.lost]).toEqual([lines(0, 20), 0]);
  });
});

const FULL_DEVICE = existsSync('/dev/full');
const NO_FULL_DEVICE = skipNote(!FULL_DEVICE, 'there is no /dev/full');

describe.runIf(FULL_DEVICE)(`a log file on a full disk${NO_FULL_DEVICE}`, () => {
  it('keeps a bounded number of lines, counts the others, and ends neither process nor flush', async () => {
    const file = openFile('/dev/full');
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 2000; index++) file.write(line);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let index = 2000; index < 5000; index++) file.write(line);
    file.flush();
    expect(file.lost).toBe(5000 - 4096);
    await file.close();
    expect(file.lost).toBe(5000);
  });

  it('has the pending and the later lines, once the disk has room', async () => {
    mkdirSync(join(folder, 'made'));
    symlinkSync('/dev/full', path);
    const file = openFile();
    add(file, 0, 10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    unlinkSync(path);
    add(file, 10, 20);
    await expect.poll(text).toBe(lines(0, 20));
    expect(file.lost).toBe(0);
  });

  it('that is not a folder loses the lines, not the process', async () => {
    writeFileSync(join(folder, 'made'), '');
    const file = openFile();
    add(file, 0, 3);
    file.flush();
    await file.close();
    expect(file.lost).toBe(3);
  });
});

describe('a process that ends', () => {
  const program = async (ending: string): Promise<string> => {
    const entry = join(folder, 'entry.ts');
    writeFileSync(
      entry,
      `import { openLogFile } from ${JSON.stringify(join(packageRoot(), 'shared', 'log', 'log_file.ts'))};
      const file = openLogFile(process.argv[2]);
      for (let index = 0; index < 200; index++) file.write(\`line \${index}\\n\`);
      ${ending}`,
    );
    await build({
      configFile: false,
      root: folder,
      logLevel: 'error',
      build: {
        ssr: entry,
        outDir: folder,
        target: 'node24',
        rollupOptions: { output: { entryFileNames: 'program.mjs' } },
      },
    });
    return join(folder, 'program.mjs');
  };
  const run = (command: string, ...args: string[]): { status: number | null; signal: string | null; stdout: string } =>
    spawnSync(command, args, { timeout: 10_000, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });

  it.each([
    ['by itself', '', 0],
    ['by process.exit', 'process.exit(3);', 3],
    ['by an uncaught error', "throw new Error('defect');", 1],
    ['by a rejected promise', "void Promise.reject(new Error('defect'));", 1],
  ])('%s has written its lines', async (_how, ending, status) => {
    expect(run(process.execPath, await program(ending), path).status).toBe(status);
    expect(text()).toBe(lines(0, 200));
  });

  it.runIf(FULL_DEVICE)(`does end, with a full disk too${NO_FULL_DEVICE}`, async () => {
    const ended = run(process.execPath, await program('process.exit(3);'), '/dev/full');
    expect(ended).toMatchObject({ status: 3, signal: null });
  });

  it.runIf(process.platform === 'linux')(
    `tracks how much a disk took that became full in the middle of a write${skipNote(process.platform !== 'linux', 'only Linux limits files so')}`,
    async () => {
      const file = await program('await file.close(); console.log(file.lost);');
      mkdirSync(join(folder, 'made'));
      writeFileSync(path, 'ab\n');
      // Files of this process have one kilobyte at most: this one takes lines 0 to 124 and six letters of the next.
      const limited = 'ulimit -f 1 && exec "$@"';
      const ended = run('bash', '-c', limited, 'bash', process.execPath, file, path);
      expect(text()).toBe(`ab\n${lines(0, 125)}line 1`);
      expect(ended).toMatchObject({ status: 0, signal: null, stdout: '75\n' });
    },
  );
});
