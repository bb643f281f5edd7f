import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { tinyBars, tinySettings } from '../../../../../test/tiny_settings.ts';
import { MODEL_NAMES } from '../../../../../shared/core/features/feature.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { wholeHistory } from '../../../history/kept_history.ts';
import { withColumnsLater } from '../../../feature_checks/columns_later.ts';
import { buildDataset, type Dataset, type DatasetOptions } from './dataset.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { openScratch, type Scratch } from './scratch.ts';

const settings = tinySettings();
const policy = datasetPolicy(settings);
const pairs = settings.minutehand.pairs.map(parsePair);
const bars = tinyBars(settings, 3000);

let parent: string;
let folder: string;
let scratch: Scratch;
let plain: Dataset;

const build = (own: Partial<DatasetOptions> = {}): Promise<Dataset> =>
  buildDataset(pairs, bars, policy, { workers: 0, cache: null, onProgress: () => undefined, ...own });

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'minutehand-scratch-'));
  plain = await build();
  folder = join(parent, 'cache');
  scratch = openScratch(folder);
});
afterEach(() => {
  scratch.close();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => rmSync(parent, { recursive: true }));

/** Numbers of arrays that can be reached from a value. */
function heldNumbers(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength / 4;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, own) => sum + heldNumbers(own), 0);
}

function expectSame(dataset: Dataset): void {
  const { histories, cache: _cache, ...rest } = dataset;
  const { histories: ofPlain, cache: _ofPlain, ...expected } = plain;
  expect(rest).toEqual(expected);
  expect(histories.map(wholeHistory)).toEqual(ofPlain);
}

it('histories are in files without a name, rows are the same, and no array of a history is held', async () => {
  const dataset = await build({ scratch });
  expectSame(dataset);
  expect(readdirSync(folder)).toEqual([]);
  expect(heldNumbers(plain.histories)).toBeGreaterThan(10_000);
  expect(heldNumbers(dataset.histories)).toBe(0);
  const [history] = dataset.histories;
  scratch.close();
  expect(() => wholeHistory(history!)).toThrow('EBADF');
});

it('with a cache they are in its files, written or found, also once these are deleted', async () => {
  const cache = { folder, maxBytes: 1e9 };
  const built = await build({ scratch, cache });
  const found = await build({ scratch, cache });
  expect(readdirSync(folder).length).toBe(pairs.length);
  expect([built, found].map(({ cache: own }) => [own!.built, own!.hits])).toEqual([
    [pairs.length, 0],
    [0, pairs.length],
  ]);
  rmSync(folder, { recursive: true });
  for (const dataset of [built, found]) {
    expectSame(dataset);
    expect(heldNumbers(dataset.histories)).toBe(0);
  }
});

it('where no file can be written they stay in memory', async () => {
  writeFileSync(folder, 'not a folder');
  for (const cache of [null, { folder, maxBytes: 1e9 }]) {
    const dataset = await build({ scratch, cache });
    expectSame(dataset);
    expect(heldNumbers(dataset.histories)).toBe(heldNumbers(plain.histories));
  }
});

it('columns that arrive one bar later are the same in both places', async () => {
  const columns = [plain.definitions[0]!.name, plain.definitions.at(-1)!.name];
  const stored = await build({ scratch });
  const later = withColumnsLater(stored, columns).histories.map(wholeHistory);
  expect(later).toEqual(withColumnsLater(plain, columns).histories.map(wholeHistory));
  expect(later[0]!.features).not.toEqual(wholeHistory(plain.histories[0]!).features);
  expect(MODEL_NAMES.every((name) => stored.train[name].y.length > 0)).toBe(true);
});
