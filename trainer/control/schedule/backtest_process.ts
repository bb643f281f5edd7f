import { pathInside } from '../../../shared/path_name.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { BACKTEST_ORIGIN, originEnv } from '../../jobs/records/job_origin.ts';
import type { BacktestJob } from '../../jobs/kinds/backtest_job.ts';
import type { BacktestRequest } from './backtest_queue.ts';
import { answerOf, RUN_JOB, startCommand, type CommandAnswer } from './command_process.ts';
import type { ProgressLine } from '../../jobs/progress/progress_line.ts';

const MAX_ANSWER = 16 * 1024 * 1024;

export interface BacktestProcess {
  /** Never rejects. */
  readonly result: Promise<CommandAnswer>;
  /** Terminates it, and kills it when it does not end. */
  stop(): void;
}

export interface BacktestProcessOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  readonly request: BacktestRequest;
  readonly backtestId: number;
  readonly requestedBy: string;
  /** Folder of bundles, and of the files of the result. */
  readonly models: string;
  readonly out: string;
  readonly market: Market;
  /** Whether it runs at low priority. */
  readonly yields: boolean;
  onProgress(line: ProgressLine): void;
}

/** Runs a backtest as a job in a separate process with one thread. */
export function startBacktest(options: BacktestProcessOptions): BacktestProcess {
  const { command, market, backtestId, requestedBy, yields, onProgress } = options;
  const { ended, stop } = startCommand({
    command: [...command, ...RUN_JOB],
    env: {
      MINUTEHAND_MARKET: market,
      ...originEnv({ origin: `${BACKTEST_ORIGIN}${backtestId}`, requested_by: requestedBy, reader_pid: process.pid }),
    },
    input: JSON.stringify(jobOf(options)),
    maxAnswer: MAX_ANSWER,
    yields,
    onProgress,
  });
  return { result: ended.then((end) => answerOf(end, 'the backtest')), stop };
}

function jobOf({ request, models, out, market }: BacktestProcessOptions): BacktestJob {
  const { from, to, pairs, theta1, theta2, costs } = request;
  return {
    kind: 'backtest',
    market,
    models: request.models.map((version) => pathInside(models, version)),
    period: { from: instantOf(from), to: instantOf(to) },
    pairs,
    source: { folder: null },
    parameters: { theta1, theta2, costs, cost_table: false },
    output: { folder: out },
    resources: { workers: 1 },
    trigger: { code: 'request', values: { door: 'api', options: {}, settings: {} } },
  };
}

/** A UTC day or minute as an instant. */
const instantOf = (text: string | null): string | null =>
  text === null ? null : `${new Date(text).toISOString().slice(0, 19)}Z`;
