import { keyOf } from '../shared/bundle/gates/gate_result.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { MODEL_FILES } from '../shared/bundle/manifest.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { parsePair } from '../shared/pair.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { computedRows } from '../trainer/learning/feature_checks/computed_rows.ts';
import { databaseSource } from '../trainer/jobs/feature_source/database_source.ts';
import {
  checkSchema,
  schemaDiff,
  type FeatureSource,
  type TableRows,
} from '../trainer/learning/feature_table/feature_table.ts';
import { fileSource } from '../trainer/learning/feature_table/file_source.ts';
import { labelHash, storedSource, storeRows } from '../trainer/jobs/feature_source/stored_features.ts';
import { writeTable, type PairRows } from '../trainer/learning/feature_table/write_table.ts';
import { train, type TrainResult } from '../trainer/learning/training/pipeline.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { tinyBars, tinySettings } from './tiny_settings.ts';

const settings = tinySettings();
const bars = tinyBars(settings);
const policy = datasetPolicy(settings);
const schema = featureSchema(policy.windows);
const names = schema.definitions.map(({ name }) => name);
const pairs = settings.minutehand.pairs.map(parsePair);
const key = { market: 'live', schema, labels: labelHash(policy) } as const;

let root: string;
let computed: Map<string, TableRows>;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-feature-table-'));
  computed = new Map(pairs.map((pair) => [pair.id, computedRows(pair, bars.get(pair.a)!, bars.get(pair.b)!, policy)]));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function* all(rows = computed): PairRows {
  for (const [pairId, own] of rows) yield await Promise.resolve({ pairId, rows: own });
}

async function stored(url: string): Promise<FeatureSource> {
  const store = await openStore(url);
  for (const [pairId, rows] of computed) await storeRows(store, key, pairId, rows);
  return storedSource(store, key);
}

const written = async (name: string): Promise<FeatureSource> => {
  const path = join(root, name);
  await writeTable(path, schema, all());
  return fileSource(path, names);
};

/** An external table filled from the CSV. */
async function external(url: string): Promise<FeatureSource> {
  await written('external.csv.gz');
  const [header, ...lines] = gunzipSync(readFileSync(join(root, 'external.csv.gz')))
    .toString()
    .trim()
    .split('\n');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const columns = header!.split(',');
  const types = columns.map(
    (name, i) => `"${name}" ${i === 0 ? 'text' : name === 'time' ? 'bigint' : ['numeric', 'double precision'][i % 2]}`,
  );
  await client.query(`CREATE TABLE ours (${types.join(', ')})`);
  for (let from = 0; from < lines.length; from += 500) {
    const rows = lines.slice(from, from + 500).map((line) => {
      const cells = line.split(',');
      return `('${cells[0]}',${cells
        .slice(1)
        .map((cell) => cell || 'NULL')
        .join(',')})`;
    });
    await client.query(`INSERT INTO ours VALUES ${rows.join(',')}`);
  }
  await client.end();
  return databaseSource(`${url}?table=ours`, names);
}

const SOURCES = [
  { kind: 'the store on SQLite', note: '', open: () => stored(join(root, 'trainer.db')) },
  { kind: 'the store on PostgreSQL', note: POSTGRES_NOTE, open: async () => stored(await server!.createDatabase()) },
  { kind: 'CSV', note: '', open: () => written('table.csv') },
  { kind: 'Parquet', note: '', open: () => written('table.parquet') },
  { kind: 'a table of PostgreSQL', note: POSTGRES_NOTE, open: async () => external(await server!.createDatabase()) },
];

describe.each(SOURCES)('features and labels in $kind $note', ({ kind, note, open }) => {
  it('are read back bit for bit', async ({ skip }) => {
    if (note !== '') return skip(note);
    const source = await open();
    checkSchema(source, schema.definitions);
    for (const [pairId, rows] of computed) {
      const read = await source.rows(pairId);
      expect(read!.length).toBe(rows.length);
      expect(rows.length).toBeGreaterThan(2000);
      expect(Buffer.from(read!.features.buffer).equals(Buffer.from(rows.features.slice().buffer)), pairId).toBe(true);
      expect([read!.time, read!.labels], kind).toEqual([rows.time, rows.labels]);
    }
    expect(await source.rows('AAA_BBB')).toBeNull();
    await source.close();
  });
});

describe('core.features_named', () => {
  it('shows the features by their names', async () => {
    const url = join(root, 'named.db');
    const store = await openStore(url);
    const [pairId, rows] = [...computed][0]!;
    await storeRows(store, key, pairId, rows);
    const view = store.db
      .selectFrom('core.features_named' as never)
      .selectAll()
      .orderBy('time' as never);
    const shown = (await view.execute()) as Record<string, number>[];
    expect(Object.keys(shown[0]!)).toEqual(['market', 'pair_id', 'time', ...names]);
    const column = names.indexOf('z_score');
    expect(shown.map((row) => Math.fround(row['z_score']!))).toEqual(
      Array.from({ length: rows.length }, (_, row) => rows.features[row * names.length + column]),
    );
    await store.close();
  });
});

describe('training from a table', () => {
  const trainFrom = (source: FeatureSource | null, out: string): Promise<TrainResult> =>
    train({
      settings,
      bars,
      source,
      market: 'live',
      seed: 7,
      gitCommit: null,
      out: join(root, out),
      counts: join(root, out),
      cache: null,
      created: new Date('2024-01-05T12:00:00Z'),
      workers: 0,
      trials: 0,
      searchFolder: null,
      holdoutFrom: null,
      onProgress: () => undefined,
    });
  const bytesOf = ({ path }: TrainResult): Buffer[] =>
    Object.values(MODEL_FILES).map((name) => readFileSync(join(path, name)));
  const changed = (change: (rows: TableRows) => TableRows): FeatureSource => ({
    place: 'a test',
    columns: names.map((name) => ({ name })),
    close: () => Promise.resolve(),
    rows: (pairId) => Promise.resolve(change(computed.get(pairId)!)),
    newest: (pairId) => Promise.resolve(change(computed.get(pairId)!).time.at(-1)!),
  });

  it('gives the same models as from bars if the table has the engine’s features', async () => {
    const plain = await trainFrom(null, 'plain');
    const fromTable = await trainFrom(
      changed((rows) => rows),
      'table',
    );
    expect(bytesOf(fromTable)).toEqual(bytesOf(plain));
    expect(fromTable.manifest.dataset_id).toBe(plain.manifest.dataset_id);
    expect(fromTable.gates.filter(({ passed }) => !passed)).toEqual(plain.gates.filter(({ passed }) => !passed));
    // Different labels give different models, measured on the same evaluation label.
    const flipped = await trainFrom(
      changed((rows) => ({ ...rows, labels: { ...rows.labels!, ai1: rows.labels!.ai1.map((label) => 1 - label) } })),
      'flipped',
    );
    expect(flipped.manifest.metrics.ai1.holdout.rows).toBe(plain.manifest.metrics.ai1.holdout.rows);
    expect(flipped.manifest.metrics.ai1.holdout.auc).toBeLessThan(0.5);
    expect(flipped.manifest.metrics.ai2.holdout.auc).toBe(plain.manifest.metrics.ai2.holdout.auc);
  });

  it('fails a gate if the daemon would compute different features, and stops if rows are missing', async () => {
    const rowOf = (i: number): number => Math.floor(i / names.length);
    const scaled = await trainFrom(
      changed((rows) => ({
        ...rows,
        features: rows.features.map((value, i) => (rowOf(i) % 10 === 0 ? 2 : 1) * value),
      })),
      'scaled',
    );
    expect(scaled.gates.find((gate) => keyOf(gate) === 'features_look_ahead')).toMatchObject({ passed: true });
    expect(scaled.gates.find((gate) => keyOf(gate) === 'served_columns')).toMatchObject({ passed: false });
    expect(scaled.manifest.outside_columns).toContain('z_score');
    const short = changed((rows) => ({ ...rows, length: rows.length - 1 }));
    await expect(trainFrom(short, 'short')).rejects.toMatchObject({ code: 'DATA_MISSING' });
  });

  it('is refused, column by column, where a table of names has the features of other windows', async () => {
    const { windows } = policy;
    const others = { ...policy, windows: { ...windows, half_life_window: windows.half_life_window + 7 } };
    const own = new Map(
      pairs.map((pair) => [pair.id, computedRows(pair, bars.get(pair.a)!, bars.get(pair.b)!, others)]),
    );
    const path = join(root, 'other_windows.csv');
    await writeTable(path, featureSchema(others.windows), all(own));
    const error = await trainFrom(await fileSource(path, names), 'other').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'TABLE_SCHEMA' });
    const changedNames = schema.definitions
      .filter(
        ({ name, window }) => featureSchema(others.windows).definitions.find((o) => o.name === name)!.window !== window,
      )
      .map(({ name }) => name);
    expect(changedNames.length).toBeGreaterThan(0);
    const named = names.filter((name) => (error as Error).message.includes(`${name} (`));
    expect(named.length).toBeGreaterThan(0);
    expect(changedNames).toEqual(expect.arrayContaining(named));
  });

  it('takes quoted cells, other separators, and UTF-16', async () => {
    const path = join(root, 'plain.csv');
    await writeTable(path, schema, all(computed));
    const quoted = readFileSync(path, 'utf8')
      .replaceAll(/[^,\n]+/g, '"$&"')
      .replaceAll(',', ';');
    const file = join(root, 'quoted.csv');
    for (const bytes of [Buffer.from(quoted), Buffer.from(`\uFEFF${quoted}`, 'utf16le')]) {
      writeFileSync(file, bytes);
      const source = await fileSource(file, names);
      for (const [pairId, rows] of computed)
        expect((await source.rows(pairId))!.features).toEqual(rows.features.slice());
    }
  });
});

it.skipIf(POSTGRES_NOTE !== '')(
  `a database that cannot be opened has the step of its cause${POSTGRES_NOTE}`,
  async () => {
    const url = await server!.createDatabase();
    const asked = (address: string) => databaseSource(`${address}?table=ours`, names);
    await expect(asked(new URL('/nowhere', url).href)).rejects.toMatchObject({
      code: 'DATA_MISSING',
      next: expect.stringMatching(/createdb.*the address of the features/) as string,
    });
    await expect(asked(url.replace('postgres://', 'postgres://a#b'))).rejects.toMatchObject({
      next: expect.stringContaining('%23') as string,
    });
    await expect(asked(url)).rejects.toMatchObject({ next: 'Check address, table and rights.' });
  },
);

describe('a table that cheats', () => {
  const width = names.length;
  // Half of the bars: enough for a lag to be beyond chance.
  const holdoutFrom = bars.get(pairs[0]!.a)!.time[1200]! as OpenTime;
  const withColumn = (name: string, valueOf: (rows: TableRows, row: number) => number): FeatureSource => ({
    place: 'cheat.csv',
    columns: names.map((own) => ({ name: own })),
    close: () => Promise.resolve(),
    rows: (pairId) => {
      const rows = computed.get(pairId)!;
      const features = rows.features.slice();
      for (let row = 0; row < rows.length; row++) features[row * width + names.indexOf(name)] = valueOf(rows, row);
      return Promise.resolve({ ...rows, features });
    },
    newest: (pairId) => Promise.resolve(computed.get(pairId)!.time.at(-1)!),
  });
  const training = (source: FeatureSource): Promise<TrainResult> =>
    train({
      settings,
      bars,
      source,
      market: 'live',
      seed: 7,
      gitCommit: null,
      out: join(root, 'cheats'),
      counts: join(root, 'cheats'),
      cache: null,
      created: new Date('2024-01-05T12:00:00Z'),
      workers: 0,
      trials: 0,
      searchFolder: null,
      holdoutFrom,
      onProgress: () => undefined,
    });

  it('with a column that is the label of a model is refused before anything is learned, naming the column', async () => {
    await expect(training(withColumn('corr', ({ labels }, row) => labels!.ai1[row]!))).rejects.toMatchObject({
      code: 'FEATURE_FORESIGHT',
      seen: expect.stringMatching(/^cheat\.csv: corr with an AUC of (1\.000|0\.9\d\d) for the label of ai1$/),
    });
    await expect(
      training(
        withColumn(
          'week_sin',
          ({ labels }, row) =>
            labels!.ai2_drawdown[row]! + labels!.ai2_volatility[row]! + labels!.ai2_correlation[row]!,
        ),
      ),
    ).rejects.toMatchObject({ code: 'FEATURE_FORESIGHT', seen: expect.stringContaining('week_sin') });
    expect(existsSync(join(root, 'cheats'))).toBe(false);
  });

  it.each([1, 6, 30])('with a column of %i bars later is refused with the column and the lag', async (ahead) => {
    const column = names.indexOf('z_score');
    const peeking = withColumn('z_score', ({ features, length }, row) =>
      row + ahead < length ? features[(row + ahead) * width + column]! : NaN,
    );
    await expect(training(peeking)).rejects.toMatchObject({
      code: 'FEATURE_FORESIGHT',
      seen: expect.stringContaining(`z_score changes ${ahead} min before`),
    });
  });
});

describe('the schema of a table', () => {
  it('is compared column by column: missing, extra, re-parametrized', async () => {
    const [first, second, ...others] = schema.definitions;
    const found = [{ name: 'our_feature' }, { name: second!.name, window: 7 }, ...others];
    expect(schemaDiff(schema.definitions, found)).toEqual({
      missing: [first!.name],
      extra: ['our_feature'],
      changed: [{ name: second!.name, text: `window 7 instead of ${second!.window}` }],
    });
    const path = join(root, 'short.csv');
    writeFileSync(path, 'pair_id,time,our_feature\nAAA_BBB,60,1\n');
    const source = await fileSource(path, names);
    expect(() => checkSchema(source, schema.definitions)).toThrow(
      /missing ret_a.*extra our_feature|missing .*extra our_feature/,
    );
  });

  it('of a Parquet file names features with other windows', async () => {
    const path = join(root, 'windows.parquet');
    const wider = featureSchema({ ...policy.windows, z_window: 25 });
    await writeTable(path, wider, all(new Map()));
    const source = await fileSource(path, names);
    expect(() => checkSchema(source, schema.definitions)).toThrow(/re-parametrized z_score \(.*25/);
  });

  it.each([
    ['a time in milliseconds', 'pair_id,time,x\nA_B,1704146400000,1\n', /looks like milliseconds/],
    ['rows that are not in order', 'pair_id,time,x\nA_B,120,1\nA_B,60,1\n', /time 60/],
    ['a cell that is no number', 'pair_id,time,x\nA_B,60,one\n', /the cell "one"/],
    ['some of the labels', 'pair_id,time,ai1\nA_B,60,1\n', /has no column ai1_end/],
    ['a row that is too short', 'pair_id,time,x\nA_B,60\n', /line 2: 2 cells/],
  ])('%s is refused', async (_what, text, message) => {
    const path = join(root, 'wrong.csv');
    writeFileSync(path, text);
    await expect(fileSource(path, ['x'])).rejects.toThrow(message);
  });
});
