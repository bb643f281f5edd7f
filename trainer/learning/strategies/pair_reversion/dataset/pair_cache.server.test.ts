import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../../../test/tiny_models.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { buildDataset, type Dataset, type DatasetPolicy } from './dataset.ts';
import type { PairTask } from './pair_build.ts';
import { barsHash, openPairCache, pairKeys } from './pair_cache.ts';

const settings = tinySettings();
const policy = datasetPolicy(settings);
const pairs = settings.minutehand.pairs.map(parsePair);
const bars = tinyBars(settings);
const LARGE = 1e9;

let parent: string;
let folder: string;
let plain: Dataset;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), 'minutehand-cache-'));
  plain = await build(null);
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));
beforeEach(() => {
  folder = join(mkdtempSync(join(parent, 'case-')), 'cache', 'dataset');
});

function build(
  cache: string | null,
  own: Partial<DatasetPolicy> = {},
  { ownBars = bars, maxBytes = LARGE }: { ownBars?: ReadonlyMap<string, BarColumns>; maxBytes?: number } = {},
): Promise<Dataset> {
  return buildDataset(
    pairs,
    ownBars,
    { ...policy, ...own },
    { workers: 0, cache: cache === null ? null : { folder: cache, maxBytes }, onProgress: () => undefined },
  );
}

const entries = (): string[] => readdirSync(folder).map((name) => join(folder, name));
const rowsOf = ({ cache: _, ...rest }: Dataset) => rest;

describe('a dataset with a cache', () => {
  it('is the same in every array when built, stored, and read again', async () => {
    const stored = await build(folder);
    const read = await build(folder);
    expect(stored.cache).toEqual({ hits: 0, built: 3, dropped: 0, failure: null });
    expect(read.cache).toEqual({ hits: 3, built: 0, dropped: 0, failure: null });
    expect(rowsOf(stored)).toEqual(rowsOf(plain));
    expect(rowsOf(read)).toEqual(rowsOf(plain));
    expect(entries()).toHaveLength(3);
    // Arrays that are one object without a cache are one object with it.
    expect(read.evaluation.train).toBe(read.train.ai1);
  });

  it('is the same for a label that differs from the evaluation label', async () => {
    const own = { barriers: { z_entry: 1.7, z_exit: 0.1, stop: 1, horizon: 30 } };
    const without = await build(null, own);
    await build(folder, own);
    const read = await build(folder, own);
    expect(read.cache!.hits).toBe(3);
    expect(rowsOf(read)).toEqual(rowsOf(without));
  });

  it('rebuilds exactly the pairs whose bars changed', async () => {
    await build(folder);
    const pound = bars.get('GBPUSD')!;
    const close = pound.close.slice();
    close[700] = close[700]! * (1 + 1e-7);
    const changed = new Map(bars).set('GBPUSD', { ...pound, close });
    const other = await build(folder, {}, { ownBars: changed });
    expect(other.cache).toMatchObject({ hits: 2, built: 1 });
    expect(rowsOf(other)).toEqual(rowsOf(await build(null, {}, { ownBars: changed })));
  });

  it('rebuilds all for other windows, labels, rows or holdouts', async () => {
    await build(folder);
    for (const own of [
      { windows: { ...policy.windows, beta_window: 31 } },
      { barriers: { ...policy.barriers, stop: 1.6 } },
      { risk: { ...policy.risk, vol_ratio: 1.7 } },
      { scale: { ...policy.scale, horizon: 19 } },
      { maxRows: 500 },
      { holdoutFraction: 0.3 },
    ])
      expect((await build(folder, own)).cache, JSON.stringify(own)).toMatchObject({ hits: 0, built: 3, failure: null });
    expect((await build(folder)).cache!.hits).toBe(3);
  });

  it('drops entries that are torn, damaged, foreign, or of another key, and rebuilds them', async () => {
    await build(folder);
    const [torn, damaged, swapped] = entries();
    const whole = readFileSync(torn!);
    const other = readFileSync(swapped!);
    writeFileSync(torn!, whole.subarray(0, whole.length / 2));
    const bytes = readFileSync(damaged!);
    bytes[bytes.length - 900]! ^= 4;
    writeFileSync(damaged!, bytes);
    writeFileSync(swapped!, whole);
    const healed = await build(folder);
    expect(healed.cache).toEqual({ hits: 0, built: 3, dropped: 3, failure: null });
    expect(rowsOf(healed)).toEqual(rowsOf(plain));
    expect(readFileSync(torn!).equals(whole)).toBe(true);
    expect(readFileSync(swapped!).equals(other)).toBe(true);
    expect((await build(folder)).cache!.hits).toBe(3);
  });

  it('is built even if nothing can be stored, and reports why', async () => {
    const file = join(parent, 'a-file');
    writeFileSync(file, 'not a folder');
    const built = await build(file);
    expect(built.cache).toMatchObject({ hits: 0, built: 3, dropped: 0 });
    expect(built.cache!.failure).toMatch(/EEXIST|ENOTDIR/);
    expect(rowsOf(built)).toEqual(rowsOf(plain));
    expect(readFileSync(file, 'utf8')).toBe('not a folder');
  });

  it('keeps the most recently used entries within its size, and touches no other file', async () => {
    await build(folder);
    const bytes = Math.max(...entries().map((path) => statSync(path).size));
    const [oldest, ...others] = entries();
    utimesSync(oldest!, 1, 1);
    writeFileSync(join(folder, 'README'), 'mine');
    const cache = openPairCache({ folder, maxBytes: 2.5 * bytes });
    cache.prune();
    expect(entries().sort()).toEqual([...others, join(folder, 'README')].sort());
    // Reading counts as use.
    const task: PairTask = {
      pair: pairs[0]!,
      a: bars.get(pairs[0]!.a)!,
      b: bars.get(pairs[0]!.b)!,
      policy: { ...policy, share: 0.2, holdoutFrom: 0 },
    };
    for (const path of others) utimesSync(path, 2, 2);
    expect(cache.read(others[1]!.slice(folder.length + 1), task, null)).not.toBeNull();
    openPairCache({ folder, maxBytes: 1.5 * bytes }).prune();
    expect(entries()).toContain(others[1]);
    expect(entries()).not.toContain(others[0]);
    // Nothing fits: the next build stores its pairs and evicts them again, with the same result.
    const small = await build(folder, {}, { maxBytes: 10 });
    expect(rowsOf(small)).toEqual(rowsOf(plain));
    expect(entries()).toEqual([join(folder, 'README')]);
  });

  it('removes partial files of a dead process, not those of a live one', async () => {
    await build(folder);
    const key = entries()[0]!.slice(folder.length + 1);
    const dead = spawnSync(process.execPath, ['-e', 'process.stdout.write(String(process.pid))']).stdout.toString();
    writeFileSync(join(folder, `.${key}.${dead}.tmp`), 'half');
    writeFileSync(join(folder, `.${key}.${process.ppid}.tmp`), 'half');
    await build(folder);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([`.${key}.${process.ppid}.tmp`]);
  });
});

describe('pairKeys', () => {
  const [first] = pairs;
  const task: PairTask = {
    pair: first!,
    a: bars.get(first!.a)!,
    b: bars.get(first!.b)!,
    policy: { ...policy, share: 0.2, holdoutFrom: 1_704_200_000 },
  };
  const keyOf = (own: PairTask): string => pairKeys([own])[0]!;

  it('are the same for equal tasks and differ with anything that affects a build', () => {
    const key = keyOf(task);
    const copy = (values: Float64Array): Float64Array => values.slice();
    expect(keyOf({ ...task, a: { ...task.a, close: copy(task.a.close) } })).toBe(key);
    const own = task.policy;
    const keys = [
      key,
      keyOf({ ...task, a: task.b, b: task.a }),
      keyOf({ ...task, policy: { ...own, share: 0.1 } }),
      keyOf({ ...task, policy: { ...own, holdoutFrom: own.holdoutFrom + 60 } }),
      keyOf({ ...task, policy: { ...own, barriers: { ...own.barriers, stop: 2 } } }),
      keyOf({ ...task, policy: { ...own, barriers: { ...own.barriers, horizon: 61 } } }),
      keyOf({ ...task, policy: { ...own, windows: { ...own.windows, pnl_window: 11 } } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('barsHash', () => {
  it('differs with every column, with its symbol, and between no spread and unknown spreads', () => {
    const gold = bars.get('XAUUSD')!;
    const nudged = (values: Float64Array): Float64Array =>
      values.map((value, i) => (i === 17 ? value * 1.000001 + 1e-9 : value));
    const hashes = [
      barsHash(gold),
      barsHash({ ...gold, symbol: 'XAUEUR' }),
      ...(['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((name) =>
        barsHash({ ...gold, [name]: nudged(gold[name]) }),
      ),
      barsHash({ ...gold, spread: new Float64Array(gold.length).fill(NaN) }),
      barsHash({ ...gold, spread: new Float64Array(gold.length) }),
    ];
    const distinct = new Set(gold.spread === null ? hashes : [...hashes, barsHash({ ...gold, spread: null })]);
    expect(distinct.size).toBe(gold.spread === null ? hashes.length : hashes.length + 1);
  });
});
