import { directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { isoMinute } from '../../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { TIMEFRAMES } from '../../../shared/pair.ts';
import type { RetrainRun } from '../../../trainer/control/schedule/run.ts';
import { storeQueue } from '../../../trainer/control/schedule/run_queue.ts';
import type { DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import type { RehearsedDirection } from '../../../trainer/jobs/kinds/run_direction.ts';
import { openStoreIfThere } from '../../../trainer/store/store.ts';
import { freeDiskBytes, spaceLine } from '../../free_space.ts';
import type { Output } from '../../output.ts';

/** Runs of the trainer that are looked through for one with a bundle. */
const EARLIER_RUNS = 50;

/** What `train --strategy direction --dry-run` prints and returns. */
export interface DirectionPlanReport {
  readonly kind: 'direction';
  readonly market: DirectionJob['market'];
  readonly timeframe: DirectionJob['timeframe'];
  readonly seed: number;
  readonly instruments: RehearsedDirection['outline']['instruments'];
  readonly period: { readonly from: string; readonly evaluated_from: string; readonly to: string };
  readonly columns: number;
  readonly rows: { readonly labeled: number; readonly evaluated: number };
  /** Of the search. */
  readonly trials: number;
  /** Models that are learned; at most, where a search ends trials early. */
  readonly fits: number;
  readonly workers: number;
  /** null: the training would measure only, without --out or --adopt. */
  readonly models_folder: string | null;
  readonly free_disk_bytes: number | null;
  readonly free_memory_bytes: number;
  /** null: the trainer of this installation has no finished run of this timeframe to judge by. */
  readonly expected: { readonly seconds: number; readonly from_run: number } | null;
}

export async function directionPlanReport(
  job: DirectionJob,
  { outline, plan, out }: RehearsedDirection,
  paths: HomePaths,
): Promise<DirectionPlanReport> {
  const { period, rows, columns, evaluatedRows, fits, instruments } = outline;
  return {
    kind: 'direction',
    market: job.market,
    timeframe: job.timeframe,
    seed: job.seed,
    instruments,
    period: {
      from: isoMinute(period.from),
      evaluated_from: isoMinute(period.evaluatedFrom),
      to: isoMinute(period.to),
    },
    columns,
    rows: { labeled: rows, evaluated: evaluatedRows },
    trials: plan.search?.trials ?? 0,
    fits,
    workers: plan.workers,
    models_folder: out,
    free_disk_bytes: freeDiskBytes(out ?? directionFolder(paths.models)),
    free_memory_bytes: process.availableMemory(),
    expected: await expectedTime(job, evaluatedRows, paths),
  };
}

/** By the newest finished run of the trainer of the same timeframe, without a search: as its time by evaluated bars. */
async function expectedTime(
  job: DirectionJob,
  evaluatedRows: number,
  paths: HomePaths,
): Promise<DirectionPlanReport['expected']> {
  // A search takes as long as its trials, of which no bundle tells the number.
  if (job.parameters.trials > 0) return null;
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return null;
  try {
    const queue = storeQueue(store, { market: job.market, owner: 'plan', clock: MACHINE_CLOCK });
    for (const run of await queue.list(EARLIER_RUNS)) {
      const rows = run.kind === 'direction' ? evaluatedRowsOf(run, job, paths) : null;
      if (rows !== null && run.duration_ms !== null)
        return { seconds: Math.round((run.duration_ms / 1000) * (evaluatedRows / rows)), from_run: run.run_id };
    }
    return null;
  } finally {
    await store.close();
  }
}

/** null where its bundle is gone, is damaged, or has another timeframe. */
function evaluatedRowsOf({ model_version }: RetrainRun, { timeframe }: DirectionJob, paths: HomePaths): number | null {
  if (model_version === null) return null;
  try {
    const { manifest } = readDirectionBundle(pathInside(directionFolder(paths.models), model_version));
    return manifest.timeframe === TIMEFRAMES[timeframe] ? manifest.metrics.rows : null;
  } catch {
    return null;
  }
}

export function printDirectionPlan(report: DirectionPlanReport, output: Output): void {
  const { period, instruments, rows, expected, models_folder } = report;
  output.line(
    `Dry run: nothing is learned and no bundle is written. direction ${report.timeframe}, market ${report.market}`,
  );
  output.line(`bars     ${period.from} to ${period.to}, evaluated from ${period.evaluated_from}`);
  for (const { symbol, bars, labeled } of instruments)
    output.line(`  ${symbol.padEnd(20)} ${bars} bars, ${labeled} with features and a label`);
  output.line(`rows     ${rows.labeled} of ${report.columns} columns, ${rows.evaluated} of them evaluated`);
  const trials = report.trials === 0 ? 'no search' : `a search of ${report.trials} trials among them`;
  output.line(`learning ${report.fits} fits, ${trials}; seed ${report.seed}, ${report.workers} threads`);
  output.line(
    expected === null
      ? 'time     unknown: no finished run of the trainer tells it (another timeframe, none yet, or a search)'
      : `time     about ${Math.max(1, Math.round(expected.seconds / 60))} min, as run ${expected.from_run} took for its bars`,
  );
  const folder = models_folder ?? 'the report (no --out or --adopt: nothing is written)';
  output.line(spaceLine(report.free_disk_bytes, folder, report.free_memory_bytes));
}
