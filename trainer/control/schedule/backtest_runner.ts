import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { errorLine, withNext } from '../../../shared/error_line.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { makeFolder } from '../../../shared/folder.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Clock } from '../../../shared/ports.ts';
import { jobHost, JobRecords } from '../../jobs/records/job_records.ts';
import { killMarked } from '../../jobs/records/process_mark.ts';
import type { Store } from '../../store/store.ts';
import { startBacktest, type BacktestProcess } from './backtest_process.ts';
import { BACKTEST_ORIGIN } from '../../jobs/records/job_origin.ts';
import type { CommandAnswer } from './command_process.ts';
import { BacktestQueue, SHORTER_BACKTEST, type Backtest, type NewBacktest } from './backtest_queue.ts';
import { afterRunning } from './time_limit.ts';

export interface BacktestRunnerOptions {
  readonly market: Market;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly clock: Clock;
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  /** Whether jobs run at low priority and leave a core free. */
  readonly yields: boolean;
  /** @throws MinutehandError STORE_UNUSABLE */
  store(): Promise<Store>;
  /** Called after each change of a backtest. */
  onChange(change: { readonly backtest_id: number; readonly status: string; readonly percent: number }): void;
  /** Time after which a backtest is ended, in ms; 30 minutes unless given. */
  readonly limitMs?: number;
}

const LIMIT_MS = 30 * 60_000;
/** Number of backtests whose files are kept. */
const KEPT_FILES = 50;

/** Runs the backtests that are requested by the API, one after the other, each in a process of its own. */
export class BacktestRunner {
  readonly #options: BacktestRunnerOptions;
  #queue: Promise<BacktestQueue> | null = null;
  #current: { readonly id: number; readonly process: BacktestProcess } | null = null;
  #canceled: number | null = null;
  #working: Promise<void> | null = null;
  /** Whether one may have been added since the queue was last found empty. */
  #isAsked = false;
  #isStopped = false;

  constructor(options: BacktestRunnerOptions) {
    this.#options = options;
  }

  /**
   * The backtests in the store; those that a killed trainer left running are queued again, once.
   *
   * @throws MinutehandError STORE_UNUSABLE
   */
  queue(): Promise<BacktestQueue> {
    return (this.#queue ??= this.#open()).catch((error: unknown) => {
      this.#queue = null;
      throw error;
    });
  }

  /** Continues with queued backtests, e.g. after a restart. Never rejects. */
  begin(): void {
    this.#isAsked = true;
    if (this.#working !== null || this.#isStopped) return;
    this.#working = this.#work().finally(() => (this.#working = null));
  }

  /** @throws MinutehandError BACKTESTS_TOO_MANY, STORE_UNUSABLE */
  async request(wanted: NewBacktest): Promise<Backtest> {
    const added = await (await this.queue()).add(wanted, this.#options.clock.nowMs());
    this.#tell(added);
    this.begin();
    return added;
  }

  /** @throws MinutehandError BACKTEST_UNKNOWN, BACKTEST_ENDED, STORE_UNUSABLE */
  async cancel(id: number): Promise<Backtest> {
    const queue = await this.queue();
    const { status } = await queue.find(id);
    const canceled = { status: 'canceled', result: null, error: null } as const;
    if (status !== 'queued' && status !== 'running')
      throw new MinutehandError('BACKTEST_ENDED', { seen: `${id} is ${status}` });
    if (!(await queue.end(id, canceled, this.#options.clock.nowMs(), ['queued']))) {
      // It runs, or is about to run.
      this.#canceled = id;
      if (this.#current?.id === id) this.#current.process.stop();
    }
    const { result: _result, ...shown } = await queue.find(id);
    return shown;
  }

  /** Ends the running one; the next start begins it again. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#current?.process.stop();
    await this.#working;
  }

  /** Folder of the files of a backtest. */
  folder(id: number): string {
    return join(this.#options.paths.home, 'backtests', String(id));
  }

  async #open(): Promise<BacktestQueue> {
    const { store, market, paths, clock } = this.#options;
    const opened = await store();
    const queue = new BacktestQueue(opened, market, `${hostname()}:${paths.home}`);
    await killLeftBehind(new JobRecords(opened, { market, host: jobHost(paths), clock }));
    await queue.takeOver(clock.nowMs());
    return queue;
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      const queue = await this.queue();
      while (!this.#isStopped) {
        this.#isAsked = false;
        const next = await queue.begin(clock.nowMs());
        if (next !== null) await this.#run(queue, next);
        else if (!this.#isAsked) return;
      }
    } catch (error) {
      log.error({ err: error }, 'backtests cannot run');
    }
  }

  async #run(queue: BacktestQueue, backtest: Backtest): Promise<void> {
    const { command, market, paths, clock, yields, limitMs = LIMIT_MS } = this.#options;
    const { backtest_id: id, request } = backtest;
    this.#tell(backtest);
    let isLate = false;
    let result: CommandAnswer;
    try {
      makeFolder(this.folder(id), 0o700);
      const process = startBacktest({
        command,
        request,
        backtestId: id,
        requestedBy: backtest.requested_by,
        market,
        models: paths.models,
        out: this.folder(id),
        yields,
        onProgress: ({ stage, share }) => this.#progress(queue, backtest, stage, Math.floor(share * 100)),
      });
      this.#current = { id, process };
      if (this.#canceled === id || this.#isStopped) process.stop();
      const endLimit = afterRunning(limitMs, () => {
        isLate = true;
        process.stop();
      });
      result = await process.result;
      endLimit();
    } catch (error) {
      result = { error: errorLine(describeError(error)) };
    }
    this.#current = null;
    if (this.#isStopped && 'error' in result && this.#canceled !== id) {
      await queue.putBack(id);
      return this.#tell({ ...backtest, status: 'queued', percent: 0 });
    }
    // Whatever its process did after it was canceled, or after its time: nobody waits for it any more.
    const status = this.#canceled === id ? 'canceled' : 'document' in result && !isLate ? 'done' : ('failed' as const);
    const document = status === 'done' && 'document' in result ? result.document : null;
    const missing = document === null ? null : missingPairs(document, request.pairs);
    const failure = isLate
      ? withNext(`not done within ${limitMs / 60_000} minutes`, SHORTER_BACKTEST)
      : 'error' in result
        ? result.error
        : null;
    await queue.end(id, { status, result: document, error: status === 'failed' ? failure : missing }, clock.nowMs());
    this.#tell({ ...backtest, status, percent: status === 'done' ? 100 : backtest.percent });
    this.#forgetFiles(id - KEPT_FILES);
  }

  /** Also of those that were killed, or whose successor never ran. */
  #forgetFiles(through: number): void {
    const parent = join(this.#options.paths.home, 'backtests');
    for (const name of readdirSync(parent))
      if (/^\d+$/.test(name) && Number(name) <= through) rmSync(join(parent, name), { recursive: true, force: true });
  }

  #progress(queue: BacktestQueue, backtest: Backtest, stage: string, percent: number): void {
    queue.progress(backtest.backtest_id, stage, percent).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the progress of a backtest cannot be stored');
    });
    this.#tell({ ...backtest, percent });
  }

  #tell({ backtest_id, status, percent }: Backtest): void {
    this.#options.onChange({ backtest_id, status, percent });
  }
}

/** Ends processes of backtests that outlive the trainer that started them: nobody reads their result. */
async function killLeftBehind(records: JobRecords): Promise<void> {
  for (const { job_id, origin } of await records.list({ limit: 1000, statuses: ['running'], isHere: true }))
    if (origin?.startsWith(BACKTEST_ORIGIN) === true) killMarked(await records.markOf(job_id));
}

/** What a backtest that is done says about requested pairs without bars; null: all were done. */
function missingPairs(document: string, requested: readonly string[] | null): string | null {
  const { missing_pairs: missing = [] } = JSON.parse(document) as { missing_pairs?: readonly string[] };
  if (requested === null || missing.length === 0) return null;
  return `partly done: no common bars of ${missing.join(', ')} in this period`;
}
