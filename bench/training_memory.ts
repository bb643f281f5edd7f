import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { writeBarFile } from '../shared/bar_file/bar_file.ts';
import { launcher } from '../shared/launcher.ts';
import { recordMarket } from '../shared/market/simulated_market.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { RunResources } from '../trainer/jobs/resources/run_resources.ts';
import { atExit } from './exit_work.ts';
import { benchMarket, daysAgo } from './market.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

/** Eight months of 21 trading days. */
const MINUTES = 241_920;
const WORKERS = 2;
const BARS_DAYS_AGO = 400;
const SAMPLE_EVERY_MS = 100;

export interface TrainingMemory {
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

/** A whole training of the configured pairs without cache and search, on simulated bars, in a separate process. */
export async function measureTrainingMemory(print: (line: string) => void, minutes = MINUTES): Promise<TrainingMemory> {
  const { pairs } = loadSettings({ env: {} }).minutehand;
  print(`training, ${pairs.length} pairs × ${minutes} minutes …`);
  const { path: folder, remove } = openTemporaryFolder('training-memory');
  try {
    const data = join(folder, 'bars');
    mkdirSync(data);
    for (const columns of recordMarket(benchMarket(pairs, 'bench memory', daysAgo(BARS_DAYS_AGO)), minutes).values())
      await writeBarFile(join(data, `${columns.symbol}.csv`), columns);
    const flags = ['--data', data, '--no-cache', '--trials', '0', '--workers', String(WORKERS), '--json'];
    const home = join(folder, 'home');
    const measured = await watchTraining([...launcher(), 'train', ...flags], { MINUTEHAND_HOME: home });
    return { pairs: pairs.length, minutes, workers: WORKERS, ...measured };
  } finally {
    remove();
  }
}

/**
 * @param command prints a line for each step of a stage on standard error, and its result as JSON
 * @throws Error with its exit code
 */
export async function watchTraining(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Pick<TrainingMemory, 'peak_bytes' | 'cpu_seconds' | 'seconds' | 'stages'>> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const takeBack = atExit(() => void child.kill('SIGKILL'));
  const stages: Record<string, number> = {};
  let stage = 'start';
  const sample = (): void => {
    const bytes = residentBytes(child.pid!);
    if (bytes !== null) stages[stage] = Math.max(stages[stage] ?? 0, bytes);
  };
  createInterface({ input: child.stderr }).on('line', (line) => {
    sample();
    stage = stageOf(line) ?? stage;
    sample();
  });
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  try {
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`minutehand train ended with ${code}`);
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

/** Source: proc(5), /proc/[pid]/status. null elsewhere, and of a process that has ended. */
function residentBytes(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
