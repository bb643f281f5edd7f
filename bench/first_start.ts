import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../shared/root.ts';
import { atExit } from './exit_work.ts';

/** What `npm start` prints when a stage is done. */
const STAGES = {
  packages: /^installing dependencies: done/,
  build: /^dashboard built/,
  history: /Simulated market: (\d+) of \1 minutes/,
  training: /Training run 1: models \S+ adopted/,
} as const;
export type StartStage = keyof typeof STAGES;

/** `npm start` in a fresh copy of the project, until each of ten pairs has a signal that a consumer would use. */
export interface FirstStart {
  readonly node: string;
  /** Seconds from the start to the end of each stage. */
  readonly done_s: Readonly<Partial<Record<StartStage, number>>>;
  readonly signals_s: number;
  /** The longest time without a printed line until then. */
  readonly silence_s: number;
  /** Size of node_modules after the set-up. */
  readonly packages_mb: number;
}

interface FreshCopies {
  freshCopy(): string;
  /** Signals that a consumer would use. */
  goodSignals(home: string): number;
}

const SIGNALS = 10;
const LOOK_EVERY_MS = 100;
const PATIENCE_MS = 600_000;

/**
 * With the Node of this process, and with the one that a user's terminal has, where that is older. npm's own cache is
 * used as it is.
 */
export async function benchFirstStart(print: (line: string) => void): Promise<readonly FirstStart[]> {
  const path = join(packageRoot(), 'bin', 'fresh_copy.mjs');
  const copies = (await import(pathToFileURL(path).href)) as FreshCopies;
  const starts: FirstStart[] = [];
  for (const [node, PATH] of nodesOfTerminals()) {
    print(`first start with Node ${node} …`);
    starts.push(await firstStart(copies, { node, PATH, print }));
  }
  return starts;
}

/** Versions of Node, and PATHs on which each is the first. */
function nodesOfTerminals(): ReadonlyMap<string, string> {
  const own = dirname(process.execPath);
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== own);
  const outside = spawnSync('node', ['--version'], { env: { PATH: folders.join(delimiter) }, encoding: 'utf8' });
  const paths = new Map([[process.versions.node, [own, ...folders].join(delimiter)]]);
  if (outside.status === 0) paths.set(outside.stdout.trim().slice(1), folders.join(delimiter));
  return paths;
}

interface Terminal {
  readonly node: string;
  readonly PATH: string;
  print(line: string): void;
}

async function firstStart(
  { freshCopy, goodSignals }: FreshCopies,
  { node, PATH, print }: Terminal,
): Promise<FirstStart> {
  const folder = freshCopy();
  const home = join(folder, 'var', 'home');
  const { MINUTEHAND_CONFIG: _, ...inherited } = process.env;
  const places = { MINUTEHAND_HOME: home, MINUTEHAND_DAEMON_PORT: '0', MINUTEHAND_TRAINER_PORT: '0' };
  const startMs = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...inherited, ...places, PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const takeBack = atExit(() => void process.kill(-child.pid!, 'SIGKILL'));
  const done: Partial<Record<StartStage, number>> = {};
  const last: string[] = [];
  const seconds = (): number => (performance.now() - startMs) / 1000;
  let silence_s = 0;
  let lastLine_s = 0;
  const endSilence = (): void => {
    silence_s = Math.max(silence_s, seconds() - lastLine_s);
    lastLine_s = seconds();
  };
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => {
      endSilence();
      print(`${seconds().toFixed(1).padStart(6)} s  ${line}`);
      last.push(line);
      const stage = stageDoneBy(line);
      if (stage !== null) done[stage] ??= seconds();
    });
  try {
    while (goodSignals(home) < SIGNALS) {
      if (child.exitCode !== null || performance.now() - startMs > PATIENCE_MS)
        throw new Error(`npm start with Node ${node} gave no ${SIGNALS} signals:\n${last.slice(-20).join('\n')}`);
      await sleep(LOOK_EVERY_MS);
    }
    endSilence();
    return {
      node,
      done_s: done,
      signals_s: seconds(),
      silence_s,
      packages_mb: megabytes(join(folder, 'node_modules')),
    };
  } finally {
    const ended = child.exitCode === null ? once(child, 'exit') : null;
    if (ended !== null) process.kill(-child.pid!, 'SIGINT');
    await ended;
    takeBack();
  }
}

/** The stage that this line of `npm start` ends. */
export function stageDoneBy(line: string): StartStage | null {
  const found = Object.entries(STAGES).find(([, pattern]) => pattern.test(line));
  return found === undefined ? null : (found[0] as StartStage);
}

/** Size of all files in a folder. */
function megabytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) / 1e6;
}
