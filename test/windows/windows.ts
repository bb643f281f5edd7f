import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../shared/policy/policy.ts';
import { writeConfig } from '../cli_process.ts';
import { skipNote } from '../skip_note.ts';

/** As `prepareWindows` of bin/windows_tree.mjs gives it. */
interface WindowsPlace {
  readonly node: string;
  readonly root: string;
  readonly wine: Readonly<Record<string, string>> | null;
}

const GIVEN = process.env['MINUTEHAND_WINDOWS'];
export const IS_WINDOWS = GIVEN !== undefined;
/** For the end of the title of such tests. */
export const WINDOWS_NOTE = skipNote(!IS_WINDOWS, 'npm run test:windows runs it');
const PLACE = JSON.parse(GIVEN ?? '{}') as WindowsPlace;

/** A path as a program on Windows sees it: Wine has the files of Linux as drive Z. */
export function windowsPath(path: string): string {
  return PLACE.wine === null ? path : `Z:${path.replaceAll('/', '\\')}`;
}

/** node.exe. */
export const windowsNode = (): string => PLACE.node;

/** What Node needs there in NODE_OPTIONS. */
export const windowsOptions = (): string => PLACE.wine?.['NODE_OPTIONS'] ?? '';

/** Folder of the installation. */
export const windowsRoot = (): string => PLACE.root;

export interface WindowsProcess {
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it at once, without a word to it, as TerminateProcess does. */
  terminate(): Promise<number | NodeJS.Signals>;
}

/** A home and a configuration, in which commands run on Windows. */
export interface WindowsWorkplace {
  readonly folder: string;
  readonly home: string;
  /** Starts a program of the installation, such as `bin/start.mjs`. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): WindowsProcess;
  /** Runs a command of the built command line. */
  run(...args: readonly string[]): Promise<{ code: number | NodeJS.Signals; stdout: string; stderr: string }>;
  /** Ends what runs and removes the folder. */
  remove(): Promise<void>;
}

/**
 * @param settings without them the delivered configuration with fewer trees: how good models are does not depend on the
 * system
 */
export function createWindowsWorkplace(settings?: Settings): WindowsWorkplace {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand wíndows '));
  const home = join(folder, 'home');
  const config = join(folder, 'config');
  cpSync(join(PLACE.root, 'config'), config, { recursive: true });
  const path = join(config, 'minutehand.yaml');
  const text = readFileSync(path, 'utf8');
  const short = text.replace(/^    rounds: \d+$/gm, '    rounds: 20').replace(/^(    learning_rate:) .*$/gm, '$1 0.1');
  writeFileSync(path, short);
  if (settings !== undefined) writeConfig(config, settings);
  asEditedOnWindows(config);
  const running = new Set<WindowsProcess>();
  let started = 0;

  const start: WindowsWorkplace['start'] = (args, env = {}) => {
    const logs = join(folder, 'logs');
    mkdirSync(logs, { recursive: true });
    const output = (name: string): string => join(logs, `${started}.${name}`);
    const outPath = output('out');
    const errorPath = output('err');
    started++;
    const own = {
      MINUTEHAND_WINDOWS: undefined,
      MINUTEHAND_HOME: windowsPath(home),
      MINUTEHAND_CONFIG: windowsPath(config),
      MINUTEHAND_DAEMON_PORT: '0',
      MINUTEHAND_TRAINER_PORT: '0',
      ...env,
    };
    const child = startNode(args, own, outPath, errorPath);
    const ended = new Promise<number | NodeJS.Signals>((resolve) =>
      child.once('close', (code, signal) => resolve(code ?? signal!)),
    );
    const one: WindowsProcess = {
      stdout: () => readFileSync(outPath, 'utf8'),
      // Wine has no graphics card to look for.
      stderr: () => readFileSync(errorPath, 'utf8').replaceAll(/^Failed to create DXGI factory\.\r?\n/gm, ''),
      ended,
      terminate() {
        child.kill('SIGKILL');
        return ended;
      },
    };
    running.add(one);
    void ended.then(() => running.delete(one));
    return one;
  };
  return {
    folder,
    home,
    start,
    async run(...args) {
      const command = start(['dist/cli/minutehand.js', ...args]);
      const code = await command.ended;
      return { code, stdout: command.stdout(), stderr: command.stderr() };
    },
    async remove() {
      for (const one of [...running]) await one.terminate();
      rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 200 });
    },
  };
}

/** Every file of a configuration as an editor of Windows writes it: with a byte order mark and its line ends. */
function asEditedOnWindows(config: string): void {
  for (const name of readdirSync(config, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.yaml')) continue;
    const path = join(config, name);
    writeFileSync(path, `\ufeff${readFileSync(path, 'utf8').replaceAll(/\r?\n/g, '\r\n')}`);
  }
}

/**
 * Installs the task without starting it. @returns what the Task Scheduler would start: arguments of Node, as Windows
 * splits its command line
 */
export async function installTask(place: WindowsWorkplace): Promise<string[]> {
  // Wine starts its Task Scheduler from the first program that asks for it, which then keeps that one's output open.
  const first = `require('node:child_process').spawnSync('schtasks', ['/Delete', '/TN', 'none', '/F'], { stdio: 'ignore' })`;
  await place.start(['-e', first]).ended;
  const { code, stdout, stderr } = await place.run('service', 'install', '--no-start');
  if (code !== 0) throw new Error(stdout + stderr);
  const xml = readFileSync(join(place.home, 'service', 'task.xml'), 'utf16le');
  const line = /<Arguments>(.*)<\/Arguments>/.exec(xml)![1]!.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  return line.match(/(?:[^\s"]|"[^"]*")+/g)!.map((part) => part.replaceAll('"', ''));
}

/** node.exe refuses pipes of Unix as its standard streams, so they are files. */
function startNode(args: readonly string[], own: NodeJS.ProcessEnv, outPath: string, errorPath: string) {
  const out = openSync(outPath, 'w');
  const errors = openSync(errorPath, 'w');
  try {
    const [file, ...first] = PLACE.wine === null ? [PLACE.node] : ['wine', PLACE.node];
    return spawn(file!, [...first, ...args], {
      cwd: PLACE.root,
      env: { ...process.env, NODE_OPTIONS: '', ...PLACE.wine, ...own },
      stdio: ['ignore', out, errors],
    });
  } finally {
    closeSync(out);
    closeSync(errors);
  }
}

export interface SeenSignal {
  readonly pair_id: string;
  readonly mode: string;
  readonly timestamp: string;
  readonly boot_id: string;
  readonly seq: number;
  readonly generated_at_ms: number;
}

/** The last signal of each pair; one that is replaced at this moment is left out. */
export function signalsOf(home: string): SeenSignal[] {
  const folder = join(home, 'signals');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((pair) => {
    try {
      return [JSON.parse(readFileSync(join(folder, pair, 'signal.json'), 'utf8')) as SeenSignal];
    } catch {
      return [];
    }
  });
}
