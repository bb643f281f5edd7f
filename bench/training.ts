import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { launcher } from '../shared/launcher.ts';
import { residentBytes } from '../shared/process/memory.ts';
import { recordMarket } from '../shared/market/simulated_market.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Engine } from '../shared/policy/engines.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { RunResources } from '../trainer/jobs/resources/run_resources.ts';
import { ensembleParameters } from '../trainer/learning/learners/mixture/ensemble_parameters.ts';
import { openStore } from '../trainer/store/store.ts';
import { refuseMissingLearner } from '../trainer/learning/learners/registry.ts';
import { atExit } from './exit_work.ts';
import { benchMarket, daysAgo } from './market.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

/** Eight months of 21 trading days. */
const MINUTES = 241_920;
const WORKERS = 2;
const BARS_DAYS_AGO = 400;
const SAMPLE_EVERY_MS = 100;

/** A whole training of the configured pairs on simulated bars, without cache, in a separate process. */
export interface WholeTraining {
  readonly engine: string;
  /** Parameters that each model tries. */
  readonly trials: number;
  readonly pairs: number;
  /** Bars of each pair. */
  readonly minutes: number;
  readonly workers: number;
  /** Resident memory at its highest, bytes. */
  readonly peak_bytes: number;
  readonly cpu_seconds: number;
  readonly seconds: number;
  /** Highest resident memory that was seen in each stage, bytes; empty where the system does not tell it. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface WholeTrainings {
  readonly runs: readonly WholeTraining[];
  /** Why an engine was not measured. */
  readonly missing: Readonly<Record<string, string>>;
}

export interface TrainingPlan {
  readonly engine: Engine;
  readonly trials: number;
}

/** Without search, with the delivered one, and with that of the library that most people use. */
const PLANS: readonly TrainingPlan[] = [
  { engine: 'gbdt', trials: 0 },
  { engine: 'gbdt', trials: 16 },
  { engine: 'lightgbm', trials: 16 },
];

/** The same bars for each engine, one training after the other. */
export async function benchTraining(
  print: (line: string) => void,
  minutes = MINUTES,
  plans = PLANS,
): Promise<WholeTrainings> {
  const { pairs } = loadSettings({ env: {} }).minutehand;
  const { path: folder, remove } = openTemporaryFolder('training');
  const missing: Record<string, string> = {};
  const runs: WholeTraining[] = [];
  try {
    const market = recordMarket(benchMarket(pairs, 'bench memory', daysAgo(BARS_DAYS_AGO)), minutes);
    for (const { engine, trials } of plans) {
      const fault = engineFault(engine);
      if (fault !== null) {
        print(`training with ${engine} is not measured: ${fault}`);
        missing[engine] = fault;
        continue;
      }
      print(`training with ${engine}, ${trials} trials, ${pairs.length} pairs × ${minutes} minutes …`);
      const home = join(folder, `home-${engine}-${trials}`);
      await storeBars(home, market);
      const flags = ['--no-cache', '--engine', engine, '--trials', String(trials)];
      const command = [...launcher(), 'train', ...flags, '--workers', String(WORKERS), '--json'];
      const measured = await watchTraining(command, { MINUTEHAND_HOME: home, MINUTEHAND_MARKET: 'simulated' });
      runs.push({ engine, trials, pairs: pairs.length, minutes, workers: WORKERS, ...measured });
    }
    return { runs, missing };
  } finally {
    remove();
  }
}

/** Bars of a simulated market, as its trainer stores them: in files, its weeks would look SHIFTED. */
async function storeBars(home: string, market: ReadonlyMap<string, BarColumns>): Promise<void> {
  mkdirSync(home);
  const store = await openStore(join(home, 'trainer.db'));
  try {
    for (const columns of market.values()) await store.bars.put('simulated', columns);
  } finally {
    await store.close();
  }
}

/** @returns why nothing can be learned with this engine here */
function engineFault(engine: Engine): string | null {
  try {
    refuseMissingLearner(engine, ensembleParameters(loadSettings({ env: {} }).minutehand.train));
    return null;
  } catch (error) {
    if (error instanceof MinutehandError) return error.message;
    throw error;
  }
}

/**
 * @param command prints a line for each step of a stage on standard error, and its result as JSON
 * @throws Error with its exit code and what it said last
 */
export async function watchTraining(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Pick<WholeTraining, 'peak_bytes' | 'cpu_seconds' | 'seconds' | 'stages'>> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const takeBack = atExit(() => void child.kill('SIGKILL'));
  const stages: Record<string, number> = {};
  let stage = 'start';
  let last = '';
  const sample = (): void => {
    const bytes = residentBytes(child.pid);
    if (bytes !== null) stages[stage] = Math.max(stages[stage] ?? 0, bytes);
  };
  createInterface({ input: child.stderr }).on('line', (line) => {
    sample();
    stage = stageOf(line) ?? stage;
    last = line;
    sample();
  });
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  try {
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`minutehand train ended with ${code}: ${printed.trim() || last}`);
    const { resources } = JSON.parse(printed) as { readonly resources: RunResources };
    const { peak_memory_bytes, cpu_seconds, duration_ms } = resources;
    return { peak_bytes: peak_memory_bytes, cpu_seconds, seconds: duration_ms / 1000, stages };
  } finally {
    clearInterval(timer);
    takeBack();
  }
}

/** `learning` of `learning, ai1 trial 3 of 16: 25 %`; null of other lines. */
function stageOf(line: string): string | null {
  return /^([^,:]+)[,:].*\d %$/.exec(line)?.[1] ?? null;
}
