import { setImmediate as loopTurn } from 'node:timers/promises';
import { CompiledQuery, sql, type Kysely, type RawBuilder } from 'kysely';
import type { SignalsPolicy } from '../../../shared/policy/schema.ts';
import { flatName } from '../../store/schema/table.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import { makePolicyView } from './policy_view.ts';
import { SIGNAL_COLUMNS, type SignalRow } from './signal_row.ts';

type Db = Kysely<Tables>;

export interface SignalFilter {
  readonly market: string;
  readonly pairIds?: readonly string[];
  readonly action?: string;
  readonly reason?: string;
  /** Publication times, epoch ms: from inclusive, to exclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Identifies a row among those of one market and subject. */
export type SignalKey = Pick<SignalRow, 'generated_at_ms' | 'boot_id' | 'seq'>;

/**
 * The two tables configured in signals_policy.yaml. Rows of a market are ordered by publication, pair, boot and seq.
 */
export interface SignalTables {
  /** Configured name of the table of all signals. */
  readonly history: string;
  /** Adds rows that are not in the history yet. @returns number of added rows */
  add(db: Db, rows: readonly SignalRow[]): Promise<number>;
  /** Updates the table of last signals with rows that are newer (later boot, or later in it). */
  keepNewest(db: Db, rows: readonly SignalRow[]): Promise<void>;
  /** Rows of the history in order, in pages. Rows added meanwhile may or may not be included. */
  pages(filter: SignalFilter, size?: number): AsyncGenerator<readonly SignalRow[]>;
  /** The newest rows, oldest first. */
  newest(filter: SignalFilter, limit: number): Promise<readonly SignalRow[]>;
  /** Rows of one subject by their keys, in order. @param keys in order of time */
  rowsAt(market: string, pairId: string, keys: readonly SignalKey[]): Promise<readonly SignalRow[]>;
  /** The last signal of each pair. */
  live(market: string): Promise<readonly SignalRow[]>;
  count(filter: SignalFilter): Promise<number>;
  /** Deletes a period of a market from the history. @returns number of deleted rows */
  remove(db: Db, market: string, fromMs: number, toMs: number): Promise<number>;
}

/** Rows per statement: SQLite accepts 32,766 parameters. */
const ROWS_AT_ONCE = 32;
const PAGE_ROWS = 2000;
/** Rows that are read in one turn of the event loop. */
const ROWS_A_TURN = 500;
const NAMES = SIGNAL_COLUMNS.map(([name]) => name);
const COLUMN_LIST = sql.raw(NAMES.join(', '));
const ONE_ROW = `(${NAMES.map(() => '?').join(', ')})`;
const ORDER = sql.raw('generated_at_ms, pair_id, boot_id, seq');
const BACKWARDS = sql.raw('generated_at_ms DESC, pair_id DESC, boot_id DESC, seq DESC');

/** Creates the tables if absent. */
export async function openSignalTables(store: Store, policy: SignalsPolicy): Promise<SignalTables> {
  const { signals_table: live, signals_history_table: history } = policy;
  await makeTable(store, live, ['market', 'pair_id']);
  await makeTable(store, history, ['market', 'generated_at_ms', 'pair_id', 'boot_id', 'seq']);
  await makeIndexes(store, history);
  await makePolicyView(store, history);
  return new StoreSignalTables(store, history, live);
}

async function makeTable({ kind, db }: Store, table: string, key: readonly string[]): Promise<void> {
  const isFlat = kind === 'sqlite';
  const columns = SIGNAL_COLUMNS.map(([name, type, use]) => {
    // Byte order in both databases, so that rows have the same order.
    const collation = use === 'key' && type === 'text' && !isFlat ? ' COLLATE "C"' : '';
    return `${name} ${type}${collation}${use === 'nullable' ? '' : ' NOT NULL'}`;
  });
  const text = `CREATE TABLE IF NOT EXISTS ${nameIn(kind, table)} (${columns.join(', ')}, PRIMARY KEY (${key.join(', ')}))${isFlat ? ' WITHOUT ROWID' : ''}`;
  const make = async (): Promise<void> => {
    if (!isFlat) await db.schema.createSchema(table.split('.')[0]!).ifNotExists().execute();
    await db.executeQuery(CompiledQuery.raw(text));
  };
  // PostgreSQL fails one of two processes that create a table at the same time.
  await make().catch(make);
  await addColumns({ kind, db }, table);
}

/** Cover all columns that `readThinned` groups, so that a year of one subject is read without other signals. */
async function makeIndexes(store: Store, table: string): Promise<void> {
  const key = 'market, pair_id, generated_at_ms';
  const drawn = 'boot_id, seq, action, reason, z_score, confidence, price_a, price_b';
  await makeIndex(store, table, { name: 'for_charts', key: `(${key}, ${drawn})` });
  await makeIndex(store, table, { name: 'novelties', key: `(${key}, novelty, reason) WHERE novelty IS NOT NULL` });
}

interface TableIndex {
  /** Behind the name of the table. */
  readonly name: string;
  readonly key: string;
}

async function makeIndex({ kind, db }: Store, table: string, own: TableIndex): Promise<void> {
  const name = `${flatName(table)}_${own.name}`;
  const schema = kind === 'sqlite' ? '' : `${table.split('.')[0]}.`;
  // PostgreSQL's statement would wait for a writer, even where the index exists.
  const known = CompiledQuery.raw(`SELECT to_regclass('${schema}${name}') IS NOT NULL AS known`);
  if (kind === 'sqlite' || !(await db.executeQuery<{ known: boolean }>(known)).rows[0]!.known) {
    const text = `CREATE INDEX IF NOT EXISTS ${name} ON ${nameIn(kind, table)} ${own.key}`;
    const make = (): Promise<unknown> => db.executeQuery(CompiledQuery.raw(text));
    await make().catch(make);
  }
}

/**
 * Adds columns that are missing: the policy names the table, and it may be one of another version. All are nullable.
 */
async function addColumns({ kind, db }: Pick<Store, 'kind' | 'db'>, table: string): Promise<void> {
  const name = nameIn(kind, table);
  const query =
    kind === 'sqlite'
      ? `SELECT name FROM pragma_table_info('${name}')`
      : `SELECT attname AS name FROM pg_attribute WHERE attrelid = '${name}'::regclass AND attnum > 0`;
  const { rows } = await db.executeQuery<{ name: string }>(CompiledQuery.raw(query));
  const known = new Set(rows.map((row) => row.name));
  for (const [column, type] of SIGNAL_COLUMNS) {
    if (known.has(column)) continue;
    const add = kind === 'sqlite' ? 'ADD COLUMN' : 'ADD COLUMN IF NOT EXISTS';
    await db.executeQuery(CompiledQuery.raw(`ALTER TABLE ${name} ${add} ${column} ${type}`));
  }
}

function nameIn(kind: Store['kind'], table: string): string {
  return kind === 'sqlite' ? flatName(table) : table;
}

class StoreSignalTables implements SignalTables {
  readonly history: string;
  readonly #live: string;
  readonly #kind: Store['kind'];
  readonly #db: Db;

  constructor({ kind, db }: Store, history: string, live: string) {
    this.history = history;
    this.#live = live;
    this.#kind = kind;
    this.#db = db;
  }

  add(on: Db, rows: readonly SignalRow[]): Promise<number> {
    return this.#insert(on, this.history, rows, 'ON CONFLICT DO NOTHING');
  }

  async keepNewest(on: Db, rows: readonly SignalRow[]): Promise<void> {
    if (rows.length === 0) return;
    const changing = NAMES.filter((name) => name !== 'market' && name !== 'pair_id');
    const sets = changing.map((name) => `${name} = excluded.${name}`).join(', ');
    const isNewer = '(excluded.boot_id, excluded.seq) > (known.boot_id, known.seq)';
    const after = `ON CONFLICT (market, pair_id) DO UPDATE SET ${sets} WHERE ${isNewer}`;
    await this.#insert(on, this.#live, newestOfPairs(rows), after);
  }

  async *pages(filter: SignalFilter, size = PAGE_ROWS): AsyncGenerator<readonly SignalRow[]> {
    let last: SignalRow | undefined;
    for (;;) {
      const since = last === undefined ? sql`` : sql` AND (${ORDER}) > (${placeOf(last)})`;
      const rows = await this.#select(sql`WHERE ${where(filter)}${since} ORDER BY ${ORDER} LIMIT ${size}`);
      if (rows.length > 0) yield rows;
      if (rows.length < size) return;
      last = rows.at(-1);
    }
  }

  async newest(filter: SignalFilter, limit: number): Promise<readonly SignalRow[]> {
    const rows: SignalRow[] = [];
    for (;;) {
      const size = Math.min(ROWS_A_TURN, limit - rows.length);
      const before = rows.length === 0 ? sql`` : sql` AND (${ORDER}) < (${placeOf(rows.at(-1)!)})`;
      const found = await this.#select(sql`WHERE ${where(filter)}${before} ORDER BY ${BACKWARDS} LIMIT ${size}`);
      rows.push(...found);
      if (found.length < size || rows.length === limit) return rows.reverse();
      await loopTurn();
    }
  }

  async rowsAt(market: string, pairId: string, keys: readonly SignalKey[]): Promise<readonly SignalRow[]> {
    const rows: SignalRow[] = [];
    for (let first = 0; first < keys.length; first += ROWS_A_TURN) {
      const part = keys.slice(first, first + ROWS_A_TURN);
      const wanted = new Set(part.map(textOf));
      const times = [...new Set(part.map(({ generated_at_ms }) => generated_at_ms))];
      // The period is for a PostgreSQL without statistics, which would read all signals of the subject.
      const period = where({ market, pairIds: [pairId], fromMs: times[0]!, toMs: times.at(-1)! + 1 });
      const found = await this.#select(
        sql`WHERE ${period} AND generated_at_ms IN (${sql.join(times)}) ORDER BY ${ORDER}`,
      );
      rows.push(...found.filter((row) => wanted.has(textOf(row))));
      await loopTurn();
    }
    return rows;
  }

  live(market: string): Promise<readonly SignalRow[]> {
    return this.#select(sql`WHERE market = ${market} ORDER BY pair_id`, this.#live);
  }

  async count(filter: SignalFilter): Promise<number> {
    const query = sql<{ rows: number }>`SELECT count(*) AS rows FROM ${sql.table(this.history)} WHERE ${where(filter)}`;
    const { rows } = await query.execute(this.#db);
    return Number(rows[0]!.rows);
  }

  async remove(on: Db, market: string, fromMs: number, toMs: number): Promise<number> {
    const period = where({ market, fromMs, toMs });
    return affected(await sql`DELETE FROM ${sql.table(this.history)} WHERE ${period}`.execute(on));
  }

  /** @param rest the statement after the table name */
  async #select(rest: RawBuilder<unknown>, table = this.history): Promise<SignalRow[]> {
    const { rows } = await sql<SignalRow>`SELECT ${COLUMN_LIST} FROM ${sql.table(table)} ${rest}`.execute(this.#db);
    return rows;
  }

  /** @param after the statement after the rows */
  async #insert(on: Db, table: string, rows: readonly SignalRow[], after: string): Promise<number> {
    const head = `INSERT INTO ${nameIn(this.#kind, table)} AS known (${NAMES.join(', ')})`;
    if (this.#kind === 'postgres') {
      const arrays = SIGNAL_COLUMNS.map(([, type], i) => `$${i + 1}::${type}[]`);
      const values = NAMES.map((name) => rows.map((row) => row[name]));
      const text = `${head} SELECT * FROM unnest(${arrays.join(', ')}) ${after}`;
      return affected(await on.executeQuery(CompiledQuery.raw(text, values)));
    }
    let added = 0;
    for (let first = 0; first < rows.length; first += ROWS_AT_ONCE) {
      const part = rows.slice(first, first + ROWS_AT_ONCE);
      const text = `${head} VALUES ${part.map(() => ONE_ROW).join(', ')} ${after}`;
      const values = part.flatMap((row) => NAMES.map((name) => row[name]));
      added += affected(await on.executeQuery(CompiledQuery.raw(text, values)));
    }
    return added;
  }
}

/** As ORDER. */
function placeOf({ generated_at_ms, pair_id, boot_id, seq }: SignalRow): RawBuilder<unknown> {
  return sql.join([generated_at_ms, pair_id, boot_id, seq]);
}

function textOf({ boot_id, seq }: SignalKey): string {
  return `${boot_id}/${seq}`;
}

export function where({ market, pairIds, action, reason, fromMs, toMs }: SignalFilter): RawBuilder<unknown> {
  return sql.join(
    [
      sql`market = ${market}`,
      ...(fromMs === undefined ? [] : [sql`generated_at_ms >= ${fromMs}`]),
      ...(toMs === undefined ? [] : [sql`generated_at_ms < ${toMs}`]),
      ...(pairIds === undefined ? [] : [sql`pair_id IN (${sql.join(pairIds)})`]),
      ...(action === undefined ? [] : [sql`action = ${action}`]),
      ...(reason === undefined ? [] : [sql`reason = ${reason}`]),
    ],
    sql` AND `,
  );
}

function affected({ numAffectedRows }: { readonly numAffectedRows?: bigint }): number {
  return Number(numAffectedRows ?? 0);
}

/** One statement may change a row only once. */
function newestOfPairs(rows: readonly SignalRow[]): SignalRow[] {
  const newest = new Map<string, SignalRow>();
  for (const row of rows) {
    const key = `${row.market}/${row.pair_id}`;
    const known = newest.get(key);
    const isNewer =
      known === undefined || row.boot_id > known.boot_id || (row.boot_id === known.boot_id && row.seq > known.seq);
    if (isNewer) newest.set(key, row);
  }
  return [...newest.values()];
}
