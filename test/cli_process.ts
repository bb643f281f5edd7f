import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import { writeBarFile, type BarColumns } from '../shared/bar_file/bar_file.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { tinySettings, type SettingsOverrides } from './tiny_models.ts';

/**
 * As services start it: bin/minutehand.mjs would look at every source file at each start (test/readme.chain.test.ts).
 */
export const PROGRAM = join(packageRoot(), 'dist', 'cli', 'minutehand.js');
const SOURCE = join(packageRoot(), 'config');
const urlOf = (...parts: string[]): string => JSON.stringify(pathToFileURL(join(packageRoot(), ...parts)).href);
/** Runs one command in this process. */
const ONE_COMMAND = `
const { main } = await import(${urlOf('dist', 'cli', 'main.js')});
const streams = ['stdout', 'stderr'];
async function runOne(args, env = {}) {
  const own = Object.entries(env).map(([name, value]) => [name, value, process.env[name]]);
  for (const [name, value] of own) value === null ? delete process.env[name] : (process.env[name] = value);
  const output = { stdout: '', stderr: '' };
  for (const name of streams) process[name].write = (text) => ((output[name] += text), true);
  const code = await main(args);
  for (const name of streams) delete process[name].write;
  for (const [name, , before] of own) before === undefined ? delete process.env[name] : (process.env[name] = before);
  return { code, ...output };
}
`;
/** Receives the arguments of many commands as JSON, and returns their results as JSON. */
const MANY_COMMANDS = `${ONE_COMMAND}
const finished = [];
const [commands, envs] = JSON.parse(process.argv[1]);
for (const [index, args] of commands.entries()) finished.push(await runOne(args, envs[index]));
process.exitCode = 0;
process.stdout.write(JSON.stringify(finished));
`;
/** Receives a command per line of its input, and returns its result as a line. */
const NEXT_COMMANDS = `${ONE_COMMAND}
const { createInterface } = await import('node:readline');
for await (const line of createInterface({ input: process.stdin })) {
  const finished = await runOne(...JSON.parse(line));
  process.stdout.write(JSON.stringify(finished) + String.fromCharCode(10));
}
process.exitCode = 0;
`;

/** A folder with its own configuration and home, in which commands run as for a user. */
export interface Workplace {
  readonly folder: string;
  readonly home: string;
  readonly models: string;
  readonly config: string;
  readonly settings: Settings;
  /** Runs a command until it exits. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /**
   * Runs a command to which its process does not matter, without input, in one that such commands of this place share,
   * one after the other: loading the program takes longer than most of them.
   */
  call(args: readonly string[], options?: Pick<RunOptions, 'env'>): Promise<Finished>;
  /**
   * Runs short commands, such as invalid ones, one after the other in a single process, because process start-up
   * dominates their time. That process must exit unaided, as theirs would.
   * @param envs variables of each command; absent = none
   */
  runEach(commands: readonly (readonly string[])[], envs?: readonly NodeJS.ProcessEnv[]): Promise<Finished[]>;
  /** Starts a long-running command, as the leader of a process group. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): Running;
  /** Writes bar files into a folder of this name. @returns the folder */
  writeBars(name: string, bars: ReadonlyMap<string, BarColumns>): Promise<string>;
  /** Kills remaining processes and removes the folder. */
  remove(): Promise<void>;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** For a command that may hang: after this time SIGKILL ends it and its children, and is its `code`. */
  readonly killAfterMs?: number;
}

export interface Finished {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** As `head` does once it has read enough. */
  closeStdout(): void;
  /** Signals the process only. */
  kill(signal: NodeJS.Signals): void;
  /** Signals the whole process group, as a terminal does on Ctrl-C. */
  killGroup(signal: NodeJS.Signals): void;
}

/**
 * Tiny settings (see tinySettings) as configuration files, with `overrides`.
 * @param program that `run` and `start` run; default: the build of this checkout
 */
export function createWorkplace(overrides: SettingsOverrides = {}, program = PROGRAM): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-cli-'));
  const config = join(folder, 'config');
  const home = join(folder, 'home');
  const settings = tinySettings(overrides);
  writeConfig(config, settings);
  const environment = {
    ...process.env,
    NODE_OPTIONS: '',
    MINUTEHAND_HOME: home,
    MINUTEHAND_CONFIG: config,
    MINUTEHAND_DAEMON_PORT: '0',
    MINUTEHAND_TRAINER_PORT: '0',
  };
  const children = new Set<ChildProcess>();

  const launch = (args: readonly string[], env?: NodeJS.ProcessEnv) => launchNode([program, ...args], env);
  function launchNode(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const launched = launchProgram(process.execPath, args, folder, { ...environment, ...env });
    const { child } = launched;
    children.add(child);
    child.once('close', () => children.delete(child));
    return launched;
  }

  let shared: Launched | null = null;
  let called: Promise<unknown> = Promise.resolve();
  async function callNext(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
    shared ??= launchNode(['--input-type=module', '-e', NEXT_COMMANDS]);
    const { child, output, ended } = shared;
    const answer = new Promise<string>((resolve) => {
      const look = (): void => {
        const end = output.stdout.indexOf('\n');
        if (end === -1) return;
        child.stdout.off('data', look);
        resolve(output.stdout.slice(0, end));
        output.stdout = output.stdout.slice(end + 1);
      };
      child.stdout.on('data', look);
    });
    // An undefined variable would keep its value.
    const variables = Object.entries(env).map(([name, value]) => [name, value ?? null]);
    child.stdin.write(`${JSON.stringify([args, Object.fromEntries(variables)])}\n`);
    const line = await Promise.race([answer, ended.then(() => null)]);
    if (line !== null) return JSON.parse(line) as Finished;
    shared = null;
    throw new Error(`the process of commands ended: ${output.stderr}`);
  }

  return {
    folder,
    home,
    models: join(home, 'models'),
    config,
    settings,
    async run(args, { env, input = '', killAfterMs } = {}) {
      const { child, output, ended } = launch(args, env);
      const timer = killAfterMs === undefined ? undefined : setTimeout(() => killGroup(child.pid!), killAfterMs);
      // A command that does not read stdin may have ended before this write.
      child.stdin.on('error', () => undefined).end(input);
      const code = await ended;
      clearTimeout(timer);
      return { code, ...output };
    },
    call(args, { env = {} } = {}) {
      const finished = called.then(() => callNext(args, env));
      called = finished.catch(() => undefined);
      return finished;
    },
    async runEach(commands, envs = []) {
      const { child, output, ended } = launchNode([
        '--input-type=module',
        '-e',
        MANY_COMMANDS,
        JSON.stringify([commands, envs]),
      ]);
      child.stdin.end();
      if ((await ended) !== 0) throw new Error(output.stderr);
      return JSON.parse(output.stdout) as Finished[];
    },
    start(args, env) {
      return runningOf(launch(args, env));
    },
    async writeBars(name, bars) {
      const target = join(folder, name);
      mkdirSync(target, { recursive: true });
      for (const columns of bars.values()) await writeBarFile(join(target, `${columns.symbol}.csv`), columns);
      return target;
    },
    async remove() {
      for (const child of children) {
        const closed = new Promise((resolve) => child.once('close', resolve));
        killGroup(child.pid!);
        await closed;
      }
      await removePatiently(folder);
    },
  };
}

interface Launched {
  readonly child: ChildProcessWithoutNullStreams;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts a program as the leader of a process group. */
export function startProgram(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Running {
  return runningOf(launchProgram(file, args, cwd, env));
}

function launchProgram(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Launched {
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal!)),
  );
  return { child, output, ended };
}

function runningOf({ child, output, ended }: Launched): Running {
  return {
    pid: child.pid!,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    closeStdout: () => void child.stdout.destroy(),
    kill: (signal) => void child.kill(signal),
    killGroup: (signal) => void process.kill(-child.pid!, signal),
  };
}

/** The configuration files of this repository with the values of `settings`. */
export function writeConfig(folder: string, settings: Settings): void {
  mkdirSync(folder, { recursive: true });
  for (const part of ['core', 'retrain', 'signals', 'minutehand'] as const) {
    const name = part === 'minutehand' ? 'minutehand.yaml' : `${part}_policy.yaml`;
    const document = parseDocument(readFileSync(join(SOURCE, name), 'utf8'));
    const { windows, ...values } = { windows: {}, ...settings[part] };
    // Timeframes follow from the pairs.
    const own = { ...values, ...(part === 'minutehand' && { windows: { ...windows, timeframes: undefined } }) };
    for (const [key, value] of Object.entries(own))
      document.setIn(part === 'minutehand' ? [key] : [key, 'value'], value);
    writeFileSync(join(folder, name), document.toString());
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

type Missing = null | undefined | false | '';

/** A process of another group, such as a training without its trainer, may still write its last file. */
async function removePatiently(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
      await sleep(200);
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Polls until `look` gives something; a busy machine only makes it slower.
 * @throws Error with `what` after `minutes`
 */
export async function eventually<T extends object | string | number | true>(
  what: string | (() => string),
  look: () => T | Missing | Promise<T | Missing>,
  minutes = 1,
): Promise<T> {
  for (let tries = 0; tries < 1200 * minutes; tries++) {
    const found = await look();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`never came: ${typeof what === 'string' ? what : what()}`);
}

/** The process and all its descendants; Linux only. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc'))
    if (/^\d+$/.test(name)) {
      const stat = statOf(Number(name));
      if (stat !== null) parents.set(Number(name), stat.parent);
    }
  const tree = [pid];
  for (const one of tree) for (const [child, parent] of parents) if (parent === one) tree.push(child);
  return tree;
}

/** A zombie process counts as ended. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

/** Arguments of a process, as one text. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function statOf(pid: number): { state: string; parent: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return null;
  }
}
