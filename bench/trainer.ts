import { spawn } from 'node:child_process';
import { MinutehandError } from '../shared/errors.ts';
import { sigmoid } from '../shared/elementary.ts';
import { createRng } from '../shared/rng.ts';
import { predict } from '../shared/bundle/onnx/tree_ensemble.ts';
import { openTreeLearner } from '../trainer/learning/learners/trees/learners.ts';
import type { Engine } from '../shared/policy/engines.ts';
import { LEARNER_DEFAULTS, type TrainingTable } from '../trainer/learning/learners/trees/learner.ts';
import { auc } from '../trainer/learning/measures/metrics.ts';
import { atExit } from './exit_work.ts';
import { instantNs } from './end_to_end/instant.ts';

/** Our engine and its rivals. */
const ENGINES = ['gbdt', 'lightgbm', 'xgboost'] as const satisfies readonly Engine[];
type Rival = Exclude<(typeof ENGINES)[number], 'gbdt'>;

export interface TrainerBenchOptions {
  readonly rows: number;
  readonly columns: number;
  readonly rounds: number;
  /** Rounds from which medians are taken. */
  readonly turns: number;
  readonly threads: readonly number[];
}

const DEFAULTS: TrainerBenchOptions = { rows: 200_000, columns: 30, rounds: 200, turns: 3, threads: [1, 2] };

export interface EngineFits {
  readonly engine: Engine;
  /** From the call with a float32 matrix to the trees, including binning; one per round. */
  readonly seconds: readonly number[];
  /** Processor time of all threads; one per round. */
  readonly cpu_seconds: readonly number[];
  readonly auc: number;
}

export interface TrainerRun {
  readonly threads: number;
  /** Whether another process kept one core busy. */
  readonly busy_core: boolean;
  readonly fits: readonly EngineFits[];
  /** Median over rounds of ours / theirs: below 1, ours is faster. AUC: ours minus theirs. */
  readonly against: Readonly<Partial<Record<Rival, { time_ratio: number; cpu_ratio: number; auc_difference: number }>>>;
}

export interface TrainerResult {
  readonly rows: number;
  readonly columns: number;
  readonly rounds: number;
  readonly leaves: number;
  /** Why an engine was not measured. */
  readonly missing: Readonly<Partial<Record<Engine, string>>>;
  readonly runs: readonly TrainerRun[];
}

/**
 * The same matrix and parameters for our engine and those whose library is installed, alternating so that noise affects
 * all of them: with each number of threads, and once more while another process keeps one core busy.
 */
export async function runTrainerBench(
  print: (line: string) => void,
  options: Partial<TrainerBenchOptions> = {},
): Promise<TrainerResult> {
  // Read when an OpenMP library is loaded: actively waiting threads collapse when a core is shared.
  process.env['OMP_WAIT_POLICY'] ??= 'passive';
  const { rows, columns, rounds, turns, threads } = { ...DEFAULTS, ...options };
  print(`trainer, ${rows} × ${columns} …`);
  const table = benchTable(rows, columns, 'train');
  const test = benchTable(Math.ceil(rows / 4), columns, 'test');
  const missing: Partial<Record<Engine, string>> = {};
  const runs: TrainerRun[] = [];
  for (const count of threads) {
    for (const busyCore of [false, true]) {
      print(`trainer, ${count} thread${count === 1 ? '' : 's'}${busyCore ? ', one core taken' : ''} …`);
      const free = busyCore ? takeCore() : (): void => undefined;
      try {
        runs.push(await runTurns({ table, test, rounds, turns, threads: count, busyCore, missing }));
      } finally {
        free();
      }
    }
  }
  return { rows, columns, rounds, leaves: LEARNER_DEFAULTS.leaves, missing, runs };
}

interface Turns {
  readonly table: TrainingTable;
  readonly test: TrainingTable;
  readonly rounds: number;
  readonly turns: number;
  readonly threads: number;
  readonly busyCore: boolean;
  /** Engines that are not available, with the reason. */
  readonly missing: Partial<Record<Engine, string>>;
}

async function runTurns({ table, test, rounds, turns, threads, busyCore, missing }: Turns): Promise<TrainerRun> {
  const fits = new Map<Engine, { seconds: number[]; cpu_seconds: number[]; auc: number }>();
  for (let turn = 0; turn < turns; turn++) {
    for (const engine of ENGINES) {
      if (missing[engine] !== undefined) continue;
      try {
        const cpu = process.cpuUsage();
        const startNs = instantNs();
        const model = await openTreeLearner(engine).learn({
          task: { kind: 'binary' },
          table,
          params: { ...LEARNER_DEFAULTS, rounds },
          stopping: null,
          threads,
          onRound: () => undefined,
        });
        const seconds = (instantNs() - startNs) / 1e9;
        const { user, system } = process.cpuUsage(cpu);
        const own = fits.get(engine) ?? { seconds: [], cpu_seconds: [], auc: NaN };
        own.seconds.push(seconds);
        own.cpu_seconds.push((user + system) / 1e6);
        if (turn === 0) own.auc = auc(predict(model.ensembles[0]!, test.x), test.y)!;
        fits.set(engine, own);
      } catch (error) {
        if (!(error instanceof MinutehandError) || error.code !== 'LEARNER_MISSING') throw error;
        missing[engine] = error.message;
      }
    }
  }
  const ours = fits.get('gbdt')!;
  const against: Partial<Record<Rival, { time_ratio: number; cpu_ratio: number; auc_difference: number }>> = {};
  for (const engine of ENGINES) {
    const theirs = fits.get(engine);
    if (engine === 'gbdt' || theirs === undefined) continue;
    against[engine] = {
      time_ratio: median(ours.seconds.map((seconds, turn) => seconds / theirs.seconds[turn]!)),
      cpu_ratio: median(ours.cpu_seconds.map((seconds, turn) => seconds / theirs.cpu_seconds[turn]!)),
      auc_difference: ours.auc - theirs.auc,
    };
  }
  return { threads, busy_core: busyCore, fits: [...fits].map(([engine, own]) => ({ engine, ...own })), against };
}

/** Distinct rows with ten informative columns (linear, stepwise and in pairs); an AUC of about 0.78 is attainable. */
function benchTable(rows: number, columns: number, seed: string): TrainingTable {
  const rng = createRng(seed);
  const values = new Float32Array(rows * columns);
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const x = values.subarray(row * columns, (row + 1) * columns);
    for (let column = 0; column < columns; column++) x[column] = rng.normal();
    const steps = (x[3]! > 0.5 ? 0.7 : -0.3) + (x[4]! > -0.5 && x[4]! < 0.8 ? 0.5 : -0.4);
    const pairs = 0.5 * x[5]! * (x[6]! > 0 ? 1 : -1) + 0.3 * x[0]! * x[7]!;
    const logit = 0.9 * x[0]! + 0.5 * Math.abs(x[1]!) - 0.4 * x[2]! + steps + pairs + 0.3 * x[8]! - 0.2 * x[9]! - 0.5;
    y[row] = rng.uniform() < sigmoid(logit) ? 1 : 0;
  }
  return { x: { rows, columns, values }, y, weights: null };
}

/** Keeps one core busy until the returned function is called. */
function takeCore(): () => void {
  const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  const end = (): void => void child.kill('SIGKILL');
  const forget = atExit(end);
  return () => {
    end();
    forget();
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
