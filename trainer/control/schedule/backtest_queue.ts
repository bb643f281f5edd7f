import type { Selectable } from 'kysely';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { withNext } from '../../../shared/error_line.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { BacktestsTable } from '../../store/schema/jobs.ts';
import type { Store } from '../../store/store.ts';

/** Parameters of a requested backtest. */
export interface BacktestRequest {
  /** One bundle, or those before and after a change. */
  readonly models: string[];
  /** A UTC day or minute, in the format of `--from` and `--to`. */
  readonly from: string | null;
  readonly to: string | null;
  readonly pairs: string[] | null;
  readonly theta1: number | null;
  readonly theta2: number | null;
  readonly costs: 'profile' | 'flat';
}

export interface NewBacktest {
  readonly request: BacktestRequest;
  readonly reason: string;
  readonly by: string;
  readonly policyHash: string;
}

type Row = Selectable<BacktestsTable>;
export type Backtest = Omit<Row, 'request' | 'result' | 'owner'> & { readonly request: BacktestRequest };

const MAX_WAITING = 20;
const OPEN = ['queued', 'running'] as const;

/** A backtest may be the reason why its trainer was killed. */
const MAX_RESTARTS = 1;
/** The next step after a backtest that took too much time or memory. */
export const SHORTER_BACKTEST = 'Ask for fewer pairs or a shorter period, or run `minutehand backtest` by itself.';
const KILLED_TWICE = withNext('its trainer was killed twice while it ran, maybe for want of memory', SHORTER_BACKTEST);

/** Backtests of a trainer in the store. */
export class BacktestQueue {
  readonly #store: Store;
  readonly #market: Market;
  readonly #owner: string;

  constructor(store: Store, market: Market, owner: string) {
    this.#store = store;
    this.#market = market;
    this.#owner = owner;
  }

  /** @throws MinutehandError BACKTESTS_TOO_MANY */
  async add({ request, reason, by, policyHash }: NewBacktest, nowMs: number): Promise<Backtest> {
    return this.#store.transaction(async (tx) => {
      const { waiting } = await tx
        .selectFrom('core.backtests')
        .select(({ fn }) => fn.countAll().as('waiting'))
        .where('owner', '=', this.#owner)
        .where('status', '=', 'queued')
        .executeTakeFirstOrThrow();
      if (Number(waiting) >= MAX_WAITING)
        throw new MinutehandError('BACKTESTS_TOO_MANY', { seen: String(waiting), expected: `at most ${MAX_WAITING}` });
      const row = await tx
        .insertInto('core.backtests')
        .values({
          market: this.#market,
          owner: this.#owner,
          status: 'queued',
          requested_by: by,
          reason,
          request: JSON.stringify(request),
          policy_hash: policyHash,
          percent: 0,
          stage: 'queued',
          requested_ms: nowMs,
          started_ms: null,
          finished_ms: null,
          result: null,
          error: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return shown(row);
    });
  }

  /** Begins the oldest queued backtest. */
  async begin(nowMs: number): Promise<Backtest | null> {
    return this.#store.transaction(async (tx) => {
      const next = await tx
        .selectFrom('core.backtests')
        .select('backtest_id')
        .where('owner', '=', this.#owner)
        .where('status', '=', 'queued')
        .orderBy('backtest_id')
        .limit(1)
        .executeTakeFirst();
      if (next === undefined) return null;
      const row = await tx
        .updateTable('core.backtests')
        .set({ status: 'running', started_ms: nowMs, stage: 'starting' })
        .where('backtest_id', '=', next.backtest_id)
        .where('status', '=', 'queued')
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : shown(row);
    });
  }

  /** Queues one again whose trainer was stopped. */
  async putBack(id: number): Promise<void> {
    await this.#store.db
      .updateTable('core.backtests')
      .set({ status: 'queued', started_ms: null, stage: 'queued', percent: 0 })
      .where('backtest_id', '=', id)
      .where('owner', '=', this.#owner)
      .where('status', '=', 'running')
      .execute();
  }

  async progress(id: number, stage: string, percent: number): Promise<void> {
    await this.#store.db
      .updateTable('core.backtests')
      .set({ stage, percent })
      .where('backtest_id', '=', id)
      .where('status', '=', 'running')
      .execute();
  }

  /** @returns whether it was open until now */
  async end(
    id: number,
    outcome: Pick<Row, 'status' | 'result' | 'error'>,
    nowMs: number,
    from: readonly Row['status'][] = OPEN,
  ): Promise<boolean> {
    const percent = outcome.status === 'done' ? { percent: 100, stage: 'done' } : {};
    const row = await this.#store.db
      .updateTable('core.backtests')
      .set({ ...outcome, ...percent, finished_ms: nowMs })
      .where('backtest_id', '=', id)
      .where('owner', '=', this.#owner)
      .where('status', 'in', from)
      .returning('backtest_id')
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Queues again what a killed trainer left running, at most `MAX_RESTARTS` times. */
  async takeOver(nowMs: number): Promise<void> {
    await this.#store.transaction(async (tx) => {
      await tx
        .updateTable('core.backtests')
        .set({ status: 'failed', error: KILLED_TWICE, finished_ms: nowMs })
        .where('owner', '=', this.#owner)
        .where('status', '=', 'running')
        .where('restarts', '>=', MAX_RESTARTS)
        .execute();
      await tx
        .updateTable('core.backtests')
        .set(({ eb }) => ({
          status: 'queued',
          started_ms: null,
          stage: 'queued',
          percent: 0,
          restarts: eb('restarts', '+', 1),
        }))
        .where('owner', '=', this.#owner)
        .where('status', '=', 'running')
        .execute();
    });
  }

  /** Newest first. */
  async list(limit: number): Promise<Backtest[]> {
    const rows = await this.#store.db
      .selectFrom('core.backtests')
      .selectAll()
      .where('market', '=', this.#market)
      .orderBy('backtest_id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(shown);
  }

  /** With its result. @throws MinutehandError BACKTEST_UNKNOWN */
  async find(id: number): Promise<Backtest & { readonly result: Record<string, unknown> | null }> {
    const row = await this.#store.db
      .selectFrom('core.backtests')
      .selectAll()
      .where('backtest_id', '=', id)
      .where('market', '=', this.#market)
      .executeTakeFirst();
    if (row === undefined) throw new MinutehandError('BACKTEST_UNKNOWN', { seen: String(id) });
    const result = row.result === null ? null : (JSON.parse(row.result) as Record<string, unknown>);
    return { ...shown(row), result };
  }
}

function shown({ request, result: _result, owner: _owner, ...row }: Row): Backtest {
  return { ...row, backtest_id: Number(row.backtest_id), request: JSON.parse(request) as BacktestRequest };
}
