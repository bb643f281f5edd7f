import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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
}

interface FreshCopies {
  freshCopy(): string;
  /** Signals that a consumer would use. */
  goodSignals(home: string): number;
}

const SIGNALS = 10;
const LOOK_EVERY_MS = 100;
const PATIENCE_MS = 600_000;

/** npm's own cache is used as it is. */
export async function benchFirstStart(print: (line: string) => void): Promise<readonly FirstStart[]> {
  const path = join(packageRoot(), 'bin', 'fresh_copy.mjs');
  const copies = (await import(pathToFileURL(path).href)) as FreshCopies;
  print('first start …');
  return [await firstStart(copies)];
}

async function firstStart({ freshCopy, goodSignals }: FreshCopies): Promise<FirstStart> {
  const node = process.versions.node;
  const folder = freshCopy();
  const home = join(folder, 'var', 'home');
  const { MINUTEHAND_CONFIG: _, ...inherited } = process.env;
  const places = { MINUTEHAND_HOME: home, MINUTEHAND_DAEMON_PORT: '0', MINUTEHAND_TRAINER_PORT: '0' };
  const startMs = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...inherited, ...places },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const takeBack = atExit(() => void process.kill(-child.pid!, 'SIGKILL'));
  const done: Partial<Record<StartStage, number>> = {};
  const last: string[] = [];
  const seconds = (): number => (performance.now() - startMs) / 1000;
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => {
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
    return { node, done_s: done, signals_s: seconds() };
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
