import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { parsePair } from '../../../shared/pair.ts';
import { horizonSeconds } from '../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import type { Balance } from '../learners/balance/balance.ts';
import { buildDataset, type Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { columnsOf } from '../learners/learning.ts';
import { kFoldSplits } from '../splits/splits.ts';
import { roleTable, TABLE_PARTS, type PartRows, type RoleTable } from './role_table.ts';
import { FACTS_KEY, factsPath, writeRoleTable } from './write_role_table.ts';

const settings = tinySettings();
const embargo = horizonSeconds(settings.minutehand);
let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-role-table-'));
  const pairs = settings.minutehand.pairs.map(parsePair);
  dataset = await buildDataset(pairs, tinyBars(settings), datasetPolicy(settings), {
    workers: 0,
    cache: null,
    onProgress: () => undefined,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tableOf(changes: Partial<Parameters<typeof roleTable>[3]> = {}): RoleTable {
  return roleTable(dataset, settings, 'live', {
    role: 'ai2',
    parts: TABLE_PARTS,
    balance: 'none',
    seed: 1,
    ...changes,
  });
}

function partOf(table: RoleTable, name: PartRows['part']): PartRows {
  return table.parts.find(({ part }) => part === name)!;
}

function sumOfWeights({ rows, taken }: PartRows, label: number): number {
  return taken.reduce((sum, row) => sum + (rows.y[row] === label ? rows.weights[row]! : 0), 0);
}

it('cuts the rows into parts whose labels do not reach into the next one, and leaves out what is not asked for', () => {
  const table = tableOf();
  const learnedUntil = Date.parse(table.facts.learned_until) / 1000;
  const learn = partOf(table, 'learn');
  const calibration = partOf(table, 'calibration');
  const holdout = partOf(table, 'holdout');
  expect(Math.max(...learn.rows.labelEnd)).toBeLessThan(learnedUntil);
  expect(Math.min(...calibration.rows.time)).toBeGreaterThanOrEqual(learnedUntil + embargo);
  expect(Math.max(...calibration.rows.labelEnd)).toBeLessThanOrEqual(dataset.holdoutFrom + 60);
  expect(Math.min(...holdout.rows.time)).toBeGreaterThanOrEqual(dataset.holdoutFrom);
  for (const { taken } of table.parts) expect(taken.length).toBeGreaterThan(50);
  expect(tableOf({ parts: ['learn'] }).parts.map(({ part }) => part)).toEqual(['learn']);
  expect(tableOf({ parts: ['learn'] }).facts.rows).toMatchObject({ holdout: 0, calibration: 0 });
});

it('numbers the folds as the purged k-fold of a training does', () => {
  const table = tableOf();
  const { rows, fold } = partOf(table, 'learn');
  const splits = kFoldSplits(rows, settings.minutehand.train.folds, embargo);
  splits.forEach(({ test }, index) => expect([...test].every((row) => fold[row] === index)).toBe(true));
  expect(fold.every((own) => own >= 0)).toBe(true);
  expect(table.facts.folds).toHaveLength(splits.length);
});

it.each<Balance>(['class_weights', 'undersample', 'smote'])('balances the rows to learn from alone: %s', (balance) => {
  const natural = tableOf();
  const table = tableOf({ balance });
  const learn = partOf(table, 'learn');
  const count = (label: number): number => learn.taken.filter((row) => learn.rows.y[row] === label).length;
  expect(count(0)).toBeGreaterThan(0);
  if (balance === 'class_weights') {
    // Weights of the classes meet for rows of equal weight; those of overlapping labels differ.
    const before = partOf(natural, 'learn');
    const share = (part: PartRows): number => sumOfWeights(part, 1) / (sumOfWeights(part, 0) + sumOfWeights(part, 1));
    expect(Math.abs(share(learn) - 0.5)).toBeLessThan(Math.abs(share(before) - 0.5));
  } else expect(count(1)).toBe(count(0));
  if (balance === 'smote') expect(table.facts.rows.synthetic).toBeGreaterThan(0);
  for (const name of ['calibration', 'holdout'] as const) {
    expect(partOf(table, name).rows.y).toEqual(partOf(natural, name).rows.y);
    expect(partOf(table, name).rows.weights).toEqual(partOf(natural, name).rows.weights);
  }
});

it('names the loss of focal, which changes no row, and refuses to balance fractions', () => {
  const focal = tableOf({ balance: 'focal' });
  expect(focal.facts.loss).toEqual({ name: 'focal', gamma: 2, alpha: 0.25 });
  expect(partOf(focal, 'learn').rows.weights).toEqual(partOf(tableOf(), 'learn').rows.weights);
  expect(() => tableOf({ role: 'ai3', balance: 'smote' })).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
});

it('writes the same rows as Parquet and as CSV, with the facts beside them', async () => {
  const table = tableOf({ role: 'ai1', balance: 'smote', parts: ['learn', 'calibration'] });
  const parquet = join(folder, 'rows.parquet');
  const csv = join(folder, 'rows.csv');
  const written = await writeRoleTable(parquet, table);
  expect(await writeRoleTable(csv, table)).toBe(written);
  const file = await asyncBufferFromFile(parquet);
  const read = await parquetReadObjects({ file });
  const [header, ...lines] = readFileSync(csv, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(written);
  expect(read).toHaveLength(written);
  const names = header!.split(',');
  lines.forEach((line, i) => {
    const cells = line.split(',');
    names.forEach((name, at) => {
      const own = read[i]![name] as number | bigint | string;
      if (typeof own === 'string') return expect(cells[at]).toBe(own);
      const value = Number(own);
      expect(cells[at] === '' ? NaN : Math.fround(Number(cells[at]))).toBe(Math.fround(value));
    });
  });
  expect(table.facts.features).toEqual(
    columnsOf(dataset.definitions, 'ai1').map((column) => dataset.definitions[column]!.name),
  );
  expect(table.facts.feature_schema).toBe(featureSchema(settings.minutehand.windows).hash);
  for (const path of [parquet, csv]) expect(JSON.parse(readFileSync(factsPath(path), 'utf8'))).toEqual(table.facts);
  const { key_value_metadata: metadata = [] } = await parquetMetadataAsync(file);
  expect(JSON.parse(metadata.find(({ key }) => key === FACTS_KEY)!.value!)).toEqual(table.facts);
});
