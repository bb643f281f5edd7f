import { spawn, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import { updateChange } from '../api/changes.ts';
import type { Store } from '../store/store.ts';
import type { Evidence, EvidenceResult } from './evidence_schema.ts';

const LIMIT_MS = 30 * 60_000;
const PROGRESS_MS = 1000;
const MAX_ERROR = 500;

/** A line of the process that computes evidence. */
export type EvidenceLine = { readonly stage: string; readonly percent: number } | { readonly result: EvidenceResult };

export interface EvidenceOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  readonly clock: { nowMs(): number };
  readonly log: Logger;
  store(): Promise<Store>;
}

/** Computes the evidence of open changes, one after the other, each in a process of its own at low priority. */
export class EvidenceRunner {
  readonly #options: EvidenceOptions;
  readonly #done = new Set<number>();
  #child: ChildProcess | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  /** Begins with the oldest open change without evidence, unless one is being computed. */
  look(): void {
    if (this.#stopped || this.#running !== null) return;
    this.#running = this.#next()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'evidence of a change was not computed'))
      .finally(() => (this.#running = null));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#child?.kill('SIGKILL');
    await this.#running;
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
      ...{ status: 'running', stage: 'start', percent: 0, started_ms: clock.nowMs(), finished_ms: null, error: null },
      ...{ check: null, backtest: null, replay: null },
    };
    const keep = async (changes: Partial<Evidence>): Promise<void> => {
      evidence = { ...evidence, ...changes };
      await updateChange(store, id, { evidence: JSON.stringify(evidence) });
    };
    await keep({});
    let shownMs = 0;
    const end = await this.#run(id, (line) => {
      if ('result' in line) evidence = { ...evidence, ...line.result };
      else if (clock.nowMs() - shownMs >= PROGRESS_MS) {
        shownMs = clock.nowMs();
        void keep(line).catch(() => undefined);
      }
    });
    // The next trainer begins again.
    if (this.#stopped) return void (await updateChange(store, id, { evidence: null }));
    const isDone = end === null && evidence.check !== null;
    const error = isDone ? null : (end ?? 'it ended without a result').slice(-MAX_ERROR);
    const done = isDone ? ({ status: 'done', stage: 'done', percent: 100 } as const) : ({ status: 'failed' } as const);
    await keep({ ...done, error, finished_ms: clock.nowMs() });
  }

  /** @returns null after success, else why it failed */
  #run(id: number, onLine: (line: EvidenceLine) => void): Promise<string | null> {
    const [program, ...first] = this.#options.command;
    const child = spawn(program!, [...first, 'policy', 'evidence', String(id)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    lowerPriority(child.pid);
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    let errors = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) onLine(JSON.parse(line) as EvidenceLine);
    });
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-4 * MAX_ERROR)));
    return new Promise((resolve) => {
      const end = (why: string | null): void => {
        clearTimeout(limit);
        this.#child = null;
        resolve(why);
      };
      child.on('error', (error) => end(error.message));
      child.on('close', (code, signal) => end(code === 0 ? null : errors.trim() || `it ended with ${signal ?? code}`));
    });
  }
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // A courtesy that the machine may refuse.
  }
}
