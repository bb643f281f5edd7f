import { sql, type Kysely } from 'kysely';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import type { FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { DatasetPolicy } from '../../learning/strategies/pair_reversion/dataset/dataset.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import {
  identitiesOf,
  LABEL_COLUMNS,
  type ColumnIdentity,
  type FeatureSource,
  type LabelColumn,
  type TableRows,
} from '../../learning/feature_table/feature_table.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

/** Origin of the rows of `core.features` and `core.labels`. */
export interface StoredKey {
  readonly market: Market;
  readonly schema: FeatureSchema;
  readonly labels: string;
}

/** 16 hex digits of a hash of everything that determines labels, apart from the bars. */
export function labelHash({ barriers, risk, scale, windows }: DatasetPolicy): string {
  return sha256Hex(canonicalJson({ barriers, risk, scale, windows })).slice(0, 16);
}

const ROWS_PER_INSERT = 5000;
/** SQLite accepts 32,766 values per statement. */
const LABEL_ROWS_PER_INSERT = 2000;

/**
 * Writes the rows of a pair in one transaction, replacing those of the same schema and labels, and the view
 * `core.features_named`, which shows the features of this schema by name.
 */
export async function storeRows(store: Store, key: StoredKey, pairId: string, rows: TableRows): Promise<void> {
  const { market, schema, labels } = key;
  await store.transaction(async (db) => {
    await db
      .insertInto('core.feature_schemas')
      .values({ schema_hash: schema.hash, definitions: JSON.stringify(identitiesOf(schema.definitions)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const own = { market, pair_id: pairId };
    await db
      .deleteFrom('core.features')
      .where((eb) => eb.and({ ...own, schema_hash: schema.hash }))
      .execute();
    await db
      .deleteFrom('core.labels')
      .where((eb) => eb.and({ ...own, label_hash: labels }))
      .execute();
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT)
      await insertFeatures(db, store.kind, { ...own, schema_hash: schema.hash }, rows, from);
    for (let from = 0; from < rows.length; from += LABEL_ROWS_PER_INSERT)
      await insertLabels(db, { ...own, label_hash: labels }, rows, from);
    await createNamedView(db, store.kind, schema);
  });
}

interface FeatureKey {
  readonly market: Market;
  readonly pair_id: string;
  readonly schema_hash: string;
}

async function insertFeatures(
  db: Kysely<Tables>,
  kind: Store['kind'],
  { market, pair_id, schema_hash }: FeatureKey,
  { time, features, length }: TableRows,
  from: number,
): Promise<void> {
  const to = Math.min(from + ROWS_PER_INSERT, length);
  const width = features.length / length;
  const times: number[] = [];
  const texts: string[] = [];
  for (let row = from; row < to; row++) {
    times.push(time[row]!);
    texts.push(arrayText(kind, features.subarray(row * width, (row + 1) * width)));
  }
  if (kind === 'postgres')
    await sql`INSERT INTO core.features (market, pair_id, schema_hash, time, features)
      SELECT ${market}, ${pair_id}, ${schema_hash}, new.time, new.features::real[]
      FROM unnest(${times}::bigint[], ${texts}::text[]) AS new (time, features)`.execute(db);
  else
    await db
      .insertInto('core.features')
      .values(times.map((at, i) => ({ market, pair_id, schema_hash, time: at, features: texts[i]! })))
      .execute();
}

/** Nine digits identify a float32; a missing value is NaN on PostgreSQL, null in JSON. */
function arrayText(kind: Store['kind'], values: Float32Array): string {
  const cells = Array.from(values, (value) =>
    Number.isFinite(value)
      ? String(Number(value.toPrecision(9)))
      : kind === 'postgres'
        ? pgSpecial(value)
        : jsonSpecial(value),
  );
  return kind === 'postgres' ? `{${cells.join(',')}}` : `[${cells.join(',')}]`;
}

const pgSpecial = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity');
const jsonSpecial = (value: number): string => (Number.isNaN(value) ? 'null' : value > 0 ? '1e999' : '-1e999');

async function insertLabels(
  db: Kysely<Tables>,
  key: { readonly market: Market; readonly pair_id: string; readonly label_hash: string },
  { time, labels, length }: TableRows,
  from: number,
): Promise<void> {
  if (labels === null) return;
  const cell = (value: number): number | null => (Number.isNaN(value) ? null : value);
  const values = Array.from({ length: Math.min(LABEL_ROWS_PER_INSERT, length - from) }, (_, i) => ({
    ...key,
    time: time[from + i]!,
    ...(Object.fromEntries(LABEL_COLUMNS.map((name) => [name, cell(labels[name][from + i]!)])) as Record<
      LabelColumn,
      number | null
    >),
  }));
  await db.insertInto('core.labels').values(values).execute();
}

async function createNamedView(
  db: Kysely<Tables>,
  kind: Store['kind'],
  { hash, definitions }: FeatureSchema,
): Promise<void> {
  const table = kind === 'postgres' ? 'core.features' : 'core_features';
  const view = kind === 'postgres' ? 'core.features_named' : 'core_features_named';
  const columns = definitions.map(({ name }, i) =>
    kind === 'postgres' ? `features[${i + 1}] AS "${name}"` : `json_extract(features, '$[${i}]') AS "${name}"`,
  );
  await sql.raw(`DROP VIEW IF EXISTS ${view}`).execute(db);
  await sql
    .raw(
      `CREATE VIEW ${view} AS SELECT market, pair_id, time, ${columns.join(', ')} FROM ${table} WHERE schema_hash = '${hash}'`,
    )
    .execute(db);
}

/**
 * The store's features and labels as a source. Rows of another schema or label policy are not used; if there are only
 * such rows, the columns are those of the last written schema, so that the difference can be reported.
 */
export async function storedSource(store: Store, key: StoredKey): Promise<FeatureSource> {
  const schemas = await store.db.selectFrom('core.feature_schemas').selectAll().execute();
  const own = schemas.find(({ schema_hash }) => schema_hash === key.schema.hash) ?? schemas.at(-1);
  if (own === undefined)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no features in ${store.place}`,
      next: 'Write them first: `minutehand dataset export --out store`.',
    });
  return {
    place: store.place,
    columns: JSON.parse(own.definitions) as ColumnIdentity[],
    rows: (pairId) => readRows(store, key, pairId),
    newest: (pairId) => newestRow(store, key, pairId),
    close: () => store.close(),
  };
}

async function newestRow({ db }: Store, { market, schema }: StoredKey, pairId: string): Promise<number | null> {
  const { time } = await db
    .selectFrom('core.features')
    .select(({ fn }) => fn.max('time').as('time'))
    .where((eb) => eb.and({ market, pair_id: pairId, schema_hash: schema.hash }))
    .executeTakeFirstOrThrow();
  return (time as number | null) === null ? null : Number(time);
}

const PAGE_ROWS = 20_000;

async function readRows({ db, kind }: Store, key: StoredKey, pairId: string): Promise<TableRows | null> {
  const { market, schema } = key;
  const width = schema.definitions.length;
  const times: number[] = [];
  const blocks: Float32Array[] = [];
  for (let since = -1; ;) {
    const page = await db
      .selectFrom('core.features')
      .select(['time', 'features'])
      .where((eb) => eb.and({ market, pair_id: pairId, schema_hash: schema.hash }))
      .where('time', '>', since)
      .orderBy('time')
      .limit(PAGE_ROWS)
      .execute();
    const block = new Float32Array(page.length * width);
    page.forEach(({ time, features }, row) => {
      times.push(Number(time));
      const values =
        kind === 'postgres' ? (features as unknown as number[]) : (JSON.parse(features) as (number | null)[]);
      for (let i = 0; i < width; i++) block[row * width + i] = values[i] ?? NaN;
    });
    blocks.push(block);
    if (page.length < PAGE_ROWS) break;
    since = times.at(-1)!;
  }
  if (times.length === 0) return null;
  const features = new Float32Array(times.length * width);
  let at = 0;
  for (const block of blocks) {
    features.set(block, at);
    at += block.length;
  }
  const time = Float64Array.from(times);
  return { length: time.length, time, features, labels: await readLabels(db, key, pairId, time) };
}

/** null if no label of this policy is stored; the engine's labels are used then. */
async function readLabels(
  db: Kysely<Tables>,
  { market, labels: label_hash }: StoredKey,
  pairId: string,
  time: Float64Array,
): Promise<TableRows['labels']> {
  const labels = Object.fromEntries(
    LABEL_COLUMNS.map((name) => [name, new Float64Array(time.length).fill(NaN)]),
  ) as Record<LabelColumn, Float64Array>;
  let found = 0;
  for (let since = -1, at = 0; ;) {
    const page = await db
      .selectFrom('core.labels')
      .select(['time', ...LABEL_COLUMNS])
      .where((eb) => eb.and({ market, pair_id: pairId, label_hash }))
      .where('time', '>', since)
      .orderBy('time')
      .limit(PAGE_ROWS)
      .execute();
    for (const row of page) {
      while (at < time.length && time[at]! < Number(row.time)) at++;
      if (time[at] === Number(row.time)) for (const name of LABEL_COLUMNS) labels[name][at] = row[name] ?? NaN;
    }
    found += page.length;
    if (page.length < PAGE_ROWS) break;
    since = Number(page.at(-1)!.time);
  }
  return found === 0 ? null : labels;
}
