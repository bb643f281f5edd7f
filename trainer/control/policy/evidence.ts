import type { Logger } from 'pino';
import { updateChange } from './changes.ts';
import { answerOf, startCommand, type CommandAnswer, type CommandProcess } from '../schedule/command_process.ts';
import type { ProgressLine } from '../../jobs/progress/progress_line.ts';
import type { Store } from '../../store/store.ts';
import type { Evidence, EvidenceResult } from './evidence_schema.ts';
import { afterRunning } from '../schedule/time_limit.ts';

const LIMIT_MS = 30 * 60_000;
const PROGRESS_MS = 1000;
const MAX_ERROR = 500;
const MAX_ANSWER = 1024 * 1024;

export interface EvidenceOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  /** Whether it runs at low priority. */
  readonly yields: boolean;
  readonly clock: { nowMs(): number };
  readonly log: Logger;
  /** Of one change; its evidence has failed then. */
  readonly limitMs?: number;
  store(): Promise<Store>;
}

/** Computes the evidence of open changes, one after the other, each in a process of its own. */
export class EvidenceRunner {
  readonly #options: EvidenceOptions;
  readonly #done = new Set<number>();
  #child: CommandProcess | null = null;
  /** Of the change whose evidence is computed. */
  #changeId: number | null = null;
  #looking: Promise<void> | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  /**
   * Begins with the oldest open change without evidence, unless one is being computed. That of a change that nobody
   * waits for any more, because it was rejected or has expired, is given up.
   */
  look(): void {
    if (this.#stopped) return;
    if (this.#running !== null) {
      this.#looking ??= this.#stopUnneeded()
        .catch(() => undefined)
        .finally(() => (this.#looking = null));
      return;
    }
    this.#running = this.#next()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'evidence of a change was not computed'))
      .finally(() => (this.#running = null));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#child?.stop();
    await this.#running;
    await this.#looking;
  }

  async #stopUnneeded(): Promise<void> {
    const id = this.#changeId;
    if (id === null) return;
    const { db } = await this.#options.store();
    const row = await db
      .selectFrom('core.change_requests')
      .select('status')
      .where('change_id', '=', id)
      .executeTakeFirst();
    const isWanted = row?.status === 'open' || row?.status === 'approved';
    if (!isWanted && this.#changeId === id) this.#child?.stop();
  }

  async #next(): Promise<void> {
    const store = await this.#options.store();
    const rows = await store.db
      .selectFrom('core.change_requests')
      .select(['change_id', 'evidence'])
      .where('status', '=', 'open')
      .where('commit_id', 'is not', null)
      .orderBy('change_id')
      .execute();
    // One that is running in no process of ours was cut off.
    const isDue = ({ evidence }: { evidence: string | null }): boolean =>
      evidence === null || (JSON.parse(evidence) as Evidence).status === 'running';
    const due = rows.find((row) => !this.#done.has(Number(row.change_id)) && isDue(row));
    if (due === undefined) return;
    const id = Number(due.change_id);
    this.#done.add(id);
    await this.#compute(store, id);
  }

  async #compute(store: Store, id: number): Promise<void> {
    const { clock } = this.#options;
    let evidence: Evidence = {
      status: 'running',
      stage: 'start',
      percent: 0,
      started_ms: clock.nowMs(),
      finished_ms: null,
      error: null,
      check: null,
      backtest: null,
      replay: null,
    };
    const keep = async (changes: Partial<Evidence>): Promise<void> => {
      evidence = { ...evidence, ...changes };
      await updateChange(store, id, { evidence: JSON.stringify(evidence) });
    };
    await keep({});
    let shownMs = 0;
    const end = await this.#run(id, ({ stage, share }) => {
      if (clock.nowMs() - shownMs < PROGRESS_MS) return;
      shownMs = clock.nowMs();
      void keep({ stage, percent: Math.round(100 * share) }).catch(() => undefined);
    });
    // The next trainer begins again.
    if (this.#stopped) return void (await updateChange(store, id, { evidence: null }));
    const finished_ms = clock.nowMs();
    if ('error' in end) return keep({ status: 'failed', error: end.error.slice(0, MAX_ERROR), finished_ms });
    const result = JSON.parse(end.document) as EvidenceResult;
    await keep({ ...result, status: 'done', stage: 'done', percent: 100, finished_ms });
  }

  async #run(id: number, onProgress: (line: ProgressLine) => void): Promise<CommandAnswer> {
    const command = [...this.#options.command, 'policy', 'evidence', String(id), '--json'];
    const { yields } = this.#options;
    const child = startCommand({ command, yields, maxAnswer: MAX_ANSWER, onProgress });
    this.#child = child;
    this.#changeId = id;
    const endLimit = afterRunning(this.#options.limitMs ?? LIMIT_MS, () => child.stop());
    const end = await child.ended;
    endLimit();
    this.#child = null;
    this.#changeId = null;
    return answerOf(end, 'it');
  }
}
