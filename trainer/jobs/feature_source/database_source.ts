import type pg from 'pg';
import { MinutehandError } from '../../../shared/errors.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import type { FeatureSource, TableRows } from '../../learning/feature_table/feature_table.ts';
import { TableCollector } from '../../learning/feature_table/file_source.ts';
import { featureColumns } from '../../learning/feature_table/row_builder.ts';

const PAGE_ROWS = 20_000;
const TABLE = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i;

/**
 * A table or view of a PostgreSQL database, `postgres://…/database?table=schema.name`, with the columns of a file.
 * @throws MinutehandError USAGE without a table; DATA_MISSING, TABLE_FORMAT
 */
export async function databaseSource(url: string, names: readonly string[]): Promise<FeatureSource> {
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
    return {
      place,
      columns: featureColumns(columns),
      rows: (pairId) => readPair(client, table, place, columns, names, pairId),
      close: () => client.end(),
    };
  } catch (cause) {
    await client.end().catch(() => undefined);
    if (cause instanceof MinutehandError) throw cause;
    throw new MinutehandError('DATA_MISSING', {
      seen: `${place}: ${cause instanceof Error ? cause.message : String(cause)}`,
      next: 'Check address, table and rights.',
      cause,
    });
  }
}

async function readPair(
  client: pg.Client,
  table: string,
  place: string,
  columns: readonly string[],
  names: readonly string[],
  pairId: string,
): Promise<TableRows | null> {
  const collector = new TableCollector(place, columns, names);
  for (let since = -1; ;) {
    const { rows } = await client.query<unknown[]>({
      text: `SELECT * FROM ${table} WHERE pair_id = $1 AND time > $2 ORDER BY time LIMIT ${PAGE_ROWS}`,
      values: [pairId, since],
      rowMode: 'array',
    });
    for (const row of rows) collector.add(row);
    if (rows.length < PAGE_ROWS) break;
    since = Number(rows.at(-1)![columns.indexOf('time')]);
  }
  return collector.finish().get(pairId) ?? null;
}
