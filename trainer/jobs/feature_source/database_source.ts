import type pg from 'pg';
import { MinutehandError } from '../../../shared/errors.ts';
import { postgresNext, urlProblem } from '../../../shared/postgres_causes.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import type { FeatureSource, TableRows } from '../../learning/feature_table/feature_table.ts';
import { TableCollector } from '../../learning/feature_table/file_source.ts';
import { featureColumns } from '../../learning/feature_table/row_builder.ts';

const PAGE_ROWS = 20_000;
const TABLE = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i;
/** PostgreSQL's numbers of the types `timestamp` and `timestamp with time zone`. */
const TIMESTAMP = 1114;
const TIMESTAMP_TZ = 1184;

/** A table whose columns are known. */
interface OpenTable {
  readonly client: pg.Client;
  readonly table: string;
  /** For messages. */
  readonly place: string;
  readonly columns: readonly string[];
  /** The features, in the order of the rows' values. */
  readonly names: readonly string[];
  /** SQL of a bound number of epoch seconds, as the type of the column `time`. */
  readonly instant: string;
}

/**
 * A table or view of a PostgreSQL database, `postgres://…/database?table=schema.name`, with the columns of a file; its
 * times are epoch seconds or timestamps, those without a time zone in UTC.
 * @throws MinutehandError USAGE without a table; DATA_MISSING, TABLE_FORMAT
 */
export async function databaseSource(url: string, names: readonly string[]): Promise<FeatureSource> {
  const problem = urlProblem(url);
  if (problem !== null)
    throw new MinutehandError('DATA_MISSING', { seen: `${maskSecretsIn(url)}: ${problem.seen}`, next: problem.next });
  const address = new URL(url);
  const table = address.searchParams.get('table') ?? '';
  address.searchParams.delete('table');
  const place = `${maskSecretsIn(address.href)} ${table}`;
  if (!TABLE.test(table))
    throw new MinutehandError('USAGE', {
      seen: `--features ${maskSecretsIn(url)}`,
      expected: 'postgres://…/database?table=schema.name',
    });
  const { default: driver } = await import('pg');
  const client = new driver.Client({ connectionString: address.href, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { fields } = await client.query(`SELECT * FROM ${table} LIMIT 0`);
    const columns = fields.map(({ name }) => name);
    const type = fields.find(({ name }) => name === 'time')?.dataTypeID;
    const open = { client, table, place, columns, names, instant: instantOf(type) };
    return {
      place,
      columns: featureColumns(columns),
      rows: (pairId) => readPair(open, pairId),
      newest: (pairId) => newestRow(open, pairId),
      close: () => client.end(),
    };
  } catch (cause) {
    await client.end().catch(() => undefined);
    if (cause instanceof MinutehandError) throw cause;
    throw new MinutehandError('DATA_MISSING', {
      seen: `${place}: ${cause instanceof Error ? cause.message : String(cause)}`,
      next:
        postgresNext((cause as { code?: unknown } | null)?.code, 'the address of the features') ??
        'Check address, table and rights.',
      cause,
    });
  }
}

function instantOf(type: number | undefined): string {
  if (type === TIMESTAMP_TZ) return 'to_timestamp($2::float8)';
  return type === TIMESTAMP ? "(to_timestamp($2::float8) AT TIME ZONE 'UTC')" : '$2';
}

/** The column `time` in epoch seconds: the driver would read a timestamp without a time zone as local time. */
function secondsOf({ instant }: OpenTable): string {
  return instant === '$2' ? '"time"' : 'extract(epoch FROM "time") AS "time"';
}

async function readPair(open: OpenTable, pairId: string): Promise<TableRows | null> {
  const { client, table, place, columns, names, instant } = open;
  const collector = new TableCollector(place, columns, names);
  const selected = columns.map((name) => (name === 'time' ? secondsOf(open) : quoted(name))).join(', ');
  for (let since = -1; ;) {
    const { rows } = await client.query<unknown[]>({
      text: `SELECT ${selected} FROM ${table} WHERE pair_id = $1 AND "time" > ${instant} ORDER BY ${table}."time" LIMIT ${PAGE_ROWS}`,
      values: [pairId, since],
      rowMode: 'array',
    });
    for (const row of rows) collector.add(row);
    if (rows.length < PAGE_ROWS) break;
    since = Number(rows.at(-1)![columns.indexOf('time')]);
  }
  return collector.finish().get(pairId) ?? null;
}

async function newestRow(open: OpenTable, pairId: string): Promise<number | null> {
  // The collector of the rows names columns that are missing.
  if (!open.columns.includes('pair_id') || !open.columns.includes('time')) return null;
  const { rows } = await open.client.query<{ time: unknown }>({
    text: `SELECT ${secondsOf(open)} FROM ${open.table} WHERE pair_id = $1 ORDER BY ${open.table}."time" DESC LIMIT 1`,
    values: [pairId],
  });
  const [row] = rows;
  return row === undefined ? null : Number(row.time);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
