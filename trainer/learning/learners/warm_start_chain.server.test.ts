import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { clipBars } from '../../../shared/bar_file/bar_file.ts';
import { readBundle, type Bundle } from '../../../shared/bundle/bundle.ts';
import { encodeTreeModel } from '../../../shared/bundle/onnx/onnx.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { parsePair } from '../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../test/trained_models.ts';
import { buildDataset, type Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { warmStartModel } from './warm_start_fit.fixture.ts';
import { warmStartPeriod, startWarm, type WarmStart, withNewRows } from './warm_start.ts';
import { runFit } from './trees/fit.ts';
import type { FitRows } from './contract/fit_rows.ts';
import { columnsOf } from './learning.ts';
import { countTrees } from './trees/fitted_trees.ts';

const MINUTES = { full: 3000, later: 27_000 };
const settings = tinySettings({ minutehand: { train: { warm_start_min_days: 0.5, max_rows: 20_000 } } });
const { train, label, pairs } = settings.minutehand;
const EMBARGO = label.horizon_bars * 60;

let folder: string;
let learned: Dataset;
let bundle: Bundle;
let start: WarmStart;
let dataset: Dataset;
let fresh: Dataset;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-continue-'));
  const all = tinyBars(settings, MINUTES.later);
  const begin = Math.min(...[...all.values()].map(({ time }) => time[0]!));
  const early = new Map(
    [...all].map(([symbol, bars]) => [
      symbol,
      clipBars(bars, begin as OpenTime, (begin + MINUTES.full * 60) as OpenTime),
    ]),
  );
  const full = await trainTinyModels(folder, { settings, bars: early });
  learned = full.result.dataset;
  bundle = readBundle(full.path);
  const { manifest } = bundle;
  start = startWarm(bundle, { ...manifest, engine: train.engine, maxWarmStarts: train.max_warm_starts });
  const to = Math.max(...[...all.values()].map(({ time }) => time.at(-1)!)) as OpenTime;
  const middle = (to - 4000 * 60) as OpenTime;
  const period = warmStartPeriod(manifest, to, train, middle);
  const bars = new Map([...all].map(([symbol, own]) => [symbol, clipBars(own, period.barsFrom)]));
  dataset = await buildDataset(pairs.map(parsePair), bars, datasetPolicy(settings, period.holdoutFrom), {
    workers: 0,
    cache: null,
    onProgress: () => undefined,
  });
  fresh = withNewRows(manifest, dataset, EMBARGO);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function grow(name: ModelName, rows: FitRows): Promise<Uint8Array> {
  const request = {
    rows,
    subset: Int32Array.from(rows.y.keys()),
    parameters: { ...train[name], rounds: train.warm_start_rounds },
    columns: columnsOf(dataset.definitions, name),
    seed: `7/${name}`,
  };
  const base = start.models[name].trees;
  const { model, added } = await warmStartModel(base, request, runFit);
  expect(countTrees(model)).toBe(countTrees(base) + added);
  return encodeTreeModel(model);
}

describe('a warm-started bundle', () => {
  it('trains on no row of its full run, and is evaluated on none that was trained or evaluated on before', () => {
    for (const name of MODEL_NAMES) {
      const own = fresh.train[name];
      const first = own.time.reduce((least, time) => Math.min(least, time), Infinity);
      const last = own.labelEnd.reduce((most, end) => Math.max(most, end), -Infinity);
      expect(Math.max(...learned.train[name].labelEnd)).toBeLessThan(first);
      const evaluated = name === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[name];
      const evaluatedFrom = evaluated.time.reduce((least, time) => Math.min(least, time), Infinity);
      expect(last + EMBARGO).toBeLessThan(evaluatedFrom);
      expect(Math.max(...learned.holdout[name].time)).toBeLessThan(evaluatedFrom);
    }
  });

  it('is the same bytes with any content in rows that it must not learn from, and again', async () => {
    for (const name of MODEL_NAMES) {
      const bytes = await grow(name, fresh.train[name]);
      const rows = dataset.train[name];
      const known = new Set(fresh.train[name].time);
      const y = rows.y.map((own, row) => (known.has(rows.time[row]!) ? own : 1 - own));
      expect(y).not.toEqual(rows.y);
      const changed = withNewRows(
        bundle.manifest,
        { ...dataset, train: { ...dataset.train, [name]: { ...rows, y } } },
        EMBARGO,
      );
      expect(Buffer.compare(await grow(name, changed.train[name]), bytes)).toBe(0);
    }
  });

  it('is warm-started from the same models when it is warm-started again', async () => {
    const models = perModel(() => Buffer.alloc(0));
    for (const name of MODEL_NAMES) models[name] = Buffer.from(await grow(name, fresh.train[name]));
    const manifest = { ...bundle.manifest, warm_start_from: start.from };
    const again = startWarm(
      { manifest, models },
      { ...bundle.manifest, engine: train.engine, maxWarmStarts: train.max_warm_starts },
    );
    expect(again.from).toEqual({ ...start.from, times: 2 });
    for (const name of MODEL_NAMES) expect(again.models[name].trees).toEqual(start.models[name].trees);
  });
});
