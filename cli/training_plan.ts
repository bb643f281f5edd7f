import { readManifest } from '../shared/bundle/bundle.ts';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { isoMinute } from '../shared/bar.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../shared/core/features/feature.ts';
import type { HomePaths } from '../shared/home.ts';
import { pathInside } from '../shared/path_name.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import type { RetrainRun } from '../trainer/control/schedule/run.ts';
import { storeQueue } from '../trainer/control/schedule/run_queue.ts';
import type { TrainingJob } from '../trainer/jobs/kinds/pair_reversion_job.ts';
import { trainingFits, type TrainingOutline } from '../trainer/learning/training/pipeline.ts';
import { openStoreIfThere } from '../trainer/store/store.ts';
import { freeDiskBytes, gibibytes, spaceLine } from './free_space.ts';
import type { Output } from './output.ts';

/** Runs of the trainer that are looked through for one with a bundle. */
const EARLIER_RUNS = 50;

/** A finished training of this installation, for comparison. */
interface EarlierRun {
  readonly run_id: number;
  readonly seconds: number;
  readonly peak_memory_bytes: number | null;
  /** Training rows of all models times trials and other fits: what its time is proportional to. */
  readonly work: number;
}

/** What `train --dry-run` prints and returns. */
export interface TrainingPlanReport {
  readonly kind: TrainingJob['kind'];
  readonly market: TrainingJob['market'];
  readonly engine: string;
  readonly seed: number;
  readonly pairs: readonly { readonly pair: string; readonly bars: number }[];
  /** Configured pairs that have too few common bars. */
  readonly left_out: readonly string[];
  readonly period: { readonly from: string; readonly holdout_from: string; readonly to: string };
  readonly columns: number;
  readonly rows: Readonly<Record<ModelName, { readonly training: number; readonly holdout: number }>>;
  readonly dataset_id: string;
  /** Of the search, for each model. */
  readonly trials: number;
  /** Models that are learned, trials of the search included. */
  readonly fits: number;
  readonly workers: number;
  readonly models_folder: string;
  readonly free_disk_bytes: number | null;
  readonly free_memory_bytes: number;
  /** null: this installation has no finished run of this kind to judge by. */
  readonly expected: {
    readonly seconds: number;
    readonly peak_memory_bytes: number | null;
    readonly from_run: number;
  } | null;
}

export async function planReport(
  job: TrainingJob,
  { dataset, plan, trials, fits }: TrainingOutline,
  paths: HomePaths,
): Promise<TrainingPlanReport> {
  const { minutehand } = plan.settings;
  const modelsFolder = job.output.folder ?? paths.models;
  const used = dataset.histories.map(({ pair }) => pair.id);
  const rows = perModel((name) => ({
    training: dataset.train[name].y.length,
    holdout: dataset.holdout[name].y.length,
  }));
  const work = fits * MODEL_NAMES.reduce((sum, name) => sum + rows[name].training, 0);
  const earlier = await earlierRun(job, paths, minutehand.train.folds);
  return {
    kind: job.kind,
    market: job.market,
    engine: minutehand.train.engine,
    seed: job.seed,
    pairs: dataset.histories.map(({ pair, length }) => ({ pair: pair.id, bars: length })),
    left_out: minutehand.pairs.filter((id) => !used.includes(id)),
    period: {
      from: isoMinute(dataset.from),
      holdout_from: isoMinute(dataset.holdoutFrom),
      to: isoMinute(dataset.to),
    },
    columns: dataset.definitions.length,
    rows,
    dataset_id: dataset.snapshotId,
    trials,
    fits,
    workers: job.resources.workers,
    models_folder: modelsFolder,
    free_disk_bytes: freeDiskBytes(modelsFolder),
    free_memory_bytes: process.availableMemory(),
    expected:
      earlier === null
        ? null
        : {
            seconds: Math.round(earlier.seconds * (work / earlier.work)),
            peak_memory_bytes: earlier.peak_memory_bytes,
            from_run: earlier.run_id,
          },
  };
}

/** The newest finished run of the trainer of the same kind whose bundle is still there. */
async function earlierRun(job: TrainingJob, paths: HomePaths, folds: number): Promise<EarlierRun | null> {
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return null;
  try {
    const queue = storeQueue(store, { market: job.market, owner: 'plan', clock: MACHINE_CLOCK });
    const kind = job.kind === 'warm_start' ? 'incremental' : 'full';
    for (const run of await queue.list(EARLIER_RUNS)) {
      const found = run.kind === kind ? comparable(run, paths, folds) : null;
      if (found !== null) return found;
    }
    return null;
  } finally {
    await store.close();
  }
}

function comparable(run: RetrainRun, paths: HomePaths, folds: number): EarlierRun | null {
  const { run_id, duration_ms, peak_memory_bytes, model_version } = run;
  if (duration_ms === null || model_version === null) return null;
  let manifest: Manifest;
  try {
    manifest = readManifest(pathInside(paths.models, model_version));
  } catch {
    // Its bundle was removed or is damaged: nothing to compare with.
    return null;
  }
  const rows = MODEL_NAMES.reduce((sum, name) => sum + (manifest.metrics[name].rows ?? 0), 0);
  const trials = manifest.search?.ai1?.trials ?? 0;
  if (rows === 0) return null;
  return {
    run_id,
    seconds: duration_ms / 1000,
    peak_memory_bytes,
    work: rows * trainingFits(folds, trials),
  };
}

export function printPlan(report: TrainingPlanReport, output: Output): void {
  const { period, pairs, left_out, rows, expected, free_disk_bytes } = report;
  output.line(`Dry run: nothing is learned and no bundle is written. ${report.kind}, market ${report.market}`);
  output.line(`bars     ${period.from} to ${period.to}, holdout from ${period.holdout_from}`);
  for (const { pair, bars } of pairs) output.line(`  ${pair.padEnd(20)} ${bars} bars with features`);
  for (const pair of left_out) output.line(`  ${pair.padEnd(20)} left out: too few common bars (train.min_bars)`);
  output.line(`rows     ${report.columns} columns; dataset ${report.dataset_id.slice(0, 16)}`);
  for (const name of MODEL_NAMES)
    output.line(`  ${name}  ${rows[name].training} to learn from, ${rows[name].holdout} of the holdout`);
  output.line(
    `learning ${report.fits} fits by ${report.engine}, ${MODEL_NAMES.length} × ${report.trials} trials of the search among them; seed ${report.seed}, ${report.workers} threads`,
  );
  const memory = expected?.peak_memory_bytes ?? null;
  output.line(
    expected === null
      ? 'time     unknown: the trainer of this installation has no finished run of this kind'
      : `time     about ${Math.max(1, Math.round(expected.seconds / 60))} min, as run ${expected.from_run} took for its rows and fits${memory === null ? '' : `; its peak memory was ${gibibytes(memory)}`}`,
  );
  output.line(spaceLine(free_disk_bytes, report.models_folder, report.free_memory_bytes));
  if (memory !== null && memory > report.free_memory_bytes)
    output.note(`That run needed more memory than is free now: end other programs, or train fewer days (--days).`);
}
