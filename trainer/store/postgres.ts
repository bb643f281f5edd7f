import type { Socket } from 'node:net';
import type { ClientBase, PoolClient } from 'pg';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { BulkRows, Cell, Engine } from './engine.ts';
import type { Tables } from './schema/schema.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { encodingProblem, urlProblem } from '../../shared/postgres_causes.ts';
import { maskSecretsIn } from '../../shared/secrets.ts';
import { unusable } from './store_unusable.ts';

const CONNECTIONS = 4;
const CONNECT_MS = 10_000;
/**
 * Without a byte for so long, a connection in use is dead: a proxy has forgotten it, or the server's machine is gone.
 */
const SILENCE_MS = 600_000;
/**
 * A connection that is never idle would otherwise stay with a server whose name has moved, or which is a standby now.
 */
const LIFE_S = 60;
const KEEP_ALIVE_MS = 30_000;
/** Advisory lock for changes of the tables; an arbitrary number. */
const MIGRATION_LOCK = 7_400_401;
const INT8 = 20;
const DATE = 1082;
/**
 * 64-bit integers are read as text by default; these are times and counts, far below 2^53. Days are read as midnight of
 * the machine's time zone by default.
 */
const OWN_TYPES: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [INT8, Number],
  [DATE, (text) => text],
]);
/** Compiling a statement with many subqueries takes PostgreSQL a hundred times as long as running it. */
const WITHOUT_JIT = "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'";

/**
 * The store on a PostgreSQL server.
 * @param silenceMs of a connection in use, after which it is given up and its query fails
 * @param lifeS after which a connection is replaced once its query or transaction is done
 * @throws errors of the driver, when the server does not answer or refuses
 */
export async function openPostgres(url: string, silenceMs = SILENCE_MS, lifeS = LIFE_S): Promise<Engine> {
  const place = maskSecretsIn(url);
  refuse(place, urlProblem(url));
  // Loaded on demand: it takes a tenth of the time of a short command, and most stores are SQLite.
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    maxLifetimeSeconds: lifeS,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'minutehand',
    // The pool waits for what its type does not have.
    onConnect: ((client: ClientBase) => client.query(WITHOUT_JIT)) as (client: ClientBase) => void,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        OWN_TYPES.get(oid) ?? (pg.types.getTypeParser(oid, format as 'text') as (text: string) => unknown),
    },
  });
  // A connection that is lost while idle is replaced by the pool; no query is affected.
  pool.on('error', () => undefined);
  // The pool listens only while a connection is idle. Lost between two queries of a transaction, or before the pool has
  // it back, it would end this process; the next query reports it.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    // The pool closes idle ones after ten seconds.
    stream.setTimeout(silenceMs, () => stream.destroy(new Error(`no answer within ${Math.round(silenceMs / 1000)} s`)));
  });
  try {
    const { rows } = await pool.query<{ encoding: string }>("SELECT current_setting('server_encoding') AS encoding");
    refuse(place, encodingProblem(rows[0]!.encoding));
  } catch (error) {
    await pool.end();
    throw error;
  }
  /** A server that is gone has the same code when a query needs a new connection as at the start. */
  const connect = () => pool.connect().catch((error: unknown) => Promise.reject(unusable(place, error)));
  const withClient = async <Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> => {
    const client = await connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: { connect, end: () => pool.end(), options: pool.options } }),
  });
  return {
    kind: 'postgres',
    place,
    db,
    transaction: (work) => db.transaction().execute(work),
    alone: (work) =>
      db.transaction().execute(async (transaction) => {
        await sql`SELECT pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
        await work(transaction);
      }),
    async insert(rows) {
      const { text, values } = insertStatement(rows);
      return (await withClient((client) => client.query(text, values))).rowCount ?? 0;
    },
    async rows(query) {
      const asked = { text: query.sql, values: [...query.parameters], rowMode: 'array' } as const;
      return (await withClient((client) => client.query<Cell[]>(asked))).rows;
    },
    close: () => db.destroy(),
  };
}

/** @throws MinutehandError STORE_UNUSABLE */
function refuse(place: string, problem: ReturnType<typeof urlProblem>): void {
  if (problem !== null)
    throw new MinutehandError('STORE_UNUSABLE', { seen: `${place}: ${problem.seen}`, next: problem.next });
}

/** One statement for all rows, each column an array: as fast as COPY, and it can skip existing rows. */
function insertStatement({ table, constants, columns, length }: BulkRows): { text: string; values: string[] } {
  const names = [...Object.keys(constants), ...Object.keys(columns)];
  const fixed = Object.values(constants).map(
    (value, i) => `$${i + 1}::${typeof value === 'number' ? 'bigint' : 'text'}`,
  );
  const arrays = Object.keys(columns).map(
    (name, i) => `$${fixed.length + i + 1}::${name === 'time' ? 'bigint' : 'float8'}[]`,
  );
  const text =
    `INSERT INTO ${table} (${names.join(', ')}) ` +
    `SELECT ${[...fixed, ...Object.keys(columns).map((name) => `new.${name}`)].join(', ')} ` +
    `FROM unnest(${arrays.join(', ')}) AS new (${Object.keys(columns).join(', ')}) ON CONFLICT DO NOTHING`;
  return {
    text,
    values: [...Object.values(constants).map(String), ...Object.values(columns).map((c) => arrayText(c, length))],
  };
}

/** PostgreSQL reads the shortest exact decimals back to the same double. */
function arrayText(column: Float64Array, length: number): string {
  const texts: string[] = [];
  for (let i = 0; i < length; i++) texts.push(Number.isNaN(column[i]) ? 'NULL' : String(column[i]));
  return `{${texts.join(',')}}`;
}
