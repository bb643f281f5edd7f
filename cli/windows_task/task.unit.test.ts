import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addService } from '../commands/service.ts';
import type { Output } from '../output.ts';
import type { Machine } from '../systemd/machine.ts';
import { environmentText, taskXml } from './task.ts';

let folder: string;
let ran: string[];
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-task-'));
  vi.stubEnv('MINUTEHAND_HOME', join(folder, 'home'));
  mkdirSync(join(folder, 'dist', 'cli'), { recursive: true });
  writeFileSync(join(folder, 'dist', 'cli', 'minutehand.js'), '');
  ran = [];
  lines = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});

function machine(answer: ReturnType<Machine['run']> = { code: 0, stdout: '', stderr: '' }): Machine {
  return {
    root: '/',
    platform: 'win32',
    hidden: [],
    uid: undefined,
    user: String.raw`PC\ann`,
    isBooted: false,
    run(program, args) {
      ran.push([program, ...args].join(' '));
      return answer;
    },
  };
}

async function service(args: readonly string[], on = machine()): Promise<void> {
  const output: Output = {
    json: false,
    line: (text) => void lines.push(text),
    print: () => undefined,
    note: () => undefined,
    missing: () => undefined,
    result: () => undefined,
    written: () => undefined,
    progress: () => ({ update: () => undefined, stop: () => undefined }),
  };
  const program = new Command('minutehand').exitOverride();
  addService(program, () => output, on);
  await program.parseAsync(['service', ...args], { from: 'user' });
}

const install = (...more: string[]): Promise<void> => service(['install', '--program', folder, ...more]);
const definition = (): string => join(folder, 'home', 'service', 'task.xml');
const environment = (): string => join(folder, 'home', 'service', 'minutehand.env');

describe('the task of Windows', () => {
  it('names what it starts, whatever the names of the folders', () => {
    const xml = taskXml({
      user: String.raw`PC\ann & <bob>`,
      node: String.raw`C:\Program Files\nodejs\node.exe`,
      program: String.raw`C:\minute & hand`,
      environmentFile: String.raw`C:\home\minutehand.env`,
    });
    expect(xml).toContain(String.raw`<UserId>PC\ann &amp; &lt;bob&gt;</UserId>`);
    expect(xml).toContain(
      String.raw`<Arguments>--env-file=&quot;C:\home\minutehand.env&quot; &quot;C:\minute &amp; hand\dist\cli\minutehand.js&quot; up --replace</Arguments>`,
    );
    // Every element is closed, in the order of a stack.
    const open: string[] = [];
    for (const [, end, name] of xml.matchAll(/<(\/?)([A-Za-z]+)[^>]*>/g))
      if (end === '') open.push(name!);
      else expect(open.pop()).toBe(name);
    expect(open).toEqual([]);
  });

  it('keeps the variables of the shell that installs it, with their backslashes', () => {
    const env = { MINUTEHAND_EXCHANGE: String.raw`C:\Common Files\n`, MINUTEHAND_MARKET: 'live', PATH: 'x' };
    expect(environmentText(env)).toBe(
      String.raw`MINUTEHAND_EXCHANGE='C:\Common Files\n'` + "\nMINUTEHAND_MARKET='live'\n",
    );
    expect(environmentText({ MINUTEHAND_TOKEN: "it's" })).toBe(null);
  });

  it('is created and started by service install, and keeps the environment of the user', async () => {
    await install();
    expect(ran).toEqual([`schtasks /Create /TN minutehand /XML ${definition()} /F`, 'schtasks /Run /TN minutehand']);
    const bytes = readFileSync(definition());
    expect([...bytes.subarray(0, 2)]).toEqual([0xff, 0xfe]);
    expect(bytes.toString('utf16le')).toContain(String.raw`<UserId>PC\ann</UserId>`);
    writeFileSync(environment(), "MINUTEHAND_MARKET='live'\n");
    await install('--no-start');
    expect(readFileSync(environment(), 'utf8')).toBe("MINUTEHAND_MARKET='live'\n");
    expect(ran).toHaveLength(3);
  });

  it('is shown, and nothing written, with --dry-run', async () => {
    await install('--dry-run');
    expect(lines.join('\n')).toContain('<BootTrigger>');
    expect([ran, existsSync(join(folder, 'home'))]).toEqual([[], false]);
  });

  it('needs an administrator, says so, and refuses what only systemd has', async () => {
    const refused = machine({ code: 1, stdout: '', stderr: 'ERROR: Access is denied.\r\n' });
    await expect(service(['install', '--program', folder], refused)).rejects.toMatchObject({
      code: 'SERVICE_COMMAND',
      seen: expect.stringContaining('Access is denied') as string,
      next: expect.stringContaining('administrator') as string,
    });
    for (const args of [
      ['install', '--root', folder],
      ['install', '--no-standby'],
      ['uninstall', '--purge'],
    ])
      await expect(service(args)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(service(['install', '--program', join(folder, 'none')])).rejects.toMatchObject({
      code: 'SERVICE_PLACE',
    });
  });

  it('is removed before what it has started ends, and the home stays', async () => {
    for (const args of [['uninstall'], ['status']])
      await expect(service(args)).rejects.toMatchObject({ code: 'SERVICE_ABSENT' });
    await install();
    ran = [];
    await service(['uninstall']);
    expect(ran).toEqual(['schtasks /Delete /TN minutehand /F']);
    expect([existsSync(definition()), existsSync(environment())]).toEqual([false, true]);
  });

  it.each([
    [4, 'running', 0],
    [3, 'ready', 1],
  ])('has state %i, shown as %s, with exit code %i', async (state, name, code) => {
    await install();
    const stdout = JSON.stringify({ state, last_result: 0, last_run: '2026-11-26T03:00:00.0000000Z' });
    await service(['status'], machine({ code: 0, stdout, stderr: '' }));
    expect(lines.at(-1)).toContain(`minutehand  ${name}  last start 2026-11-26T03:00:00`);
    expect(process.exitCode).toBe(code);
  });
});
