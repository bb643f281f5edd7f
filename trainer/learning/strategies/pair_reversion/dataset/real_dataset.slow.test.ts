import { beforeAll, describe, expect, it } from 'vitest';
import { IS_WEEKLY } from '../../../../../test/weekly.ts';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { barAt, clipBars, readBarFolder, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../../../../../shared/bar_file/real_data.fixture.ts';
import { FeatureEngine, PairFeatures } from '../../../../../shared/core/features/features.ts';
import { MODEL_NAMES } from '../../../../../shared/core/features/feature.ts';
import { parsePair, symbolsOf } from '../../../../../shared/pair.ts';
import { loadSettings } from '../../../../../shared/policy/policy.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { datasetPolicy } from './dataset_policy.ts';
import { buildDataset, type Dataset } from './dataset.ts';
import { commonMinutes } from '../../../history/pair_history.ts';

const m1 = realData('m1');
const settings = loadSettings({ env: {} });
const policy = datasetPolicy(settings);
/** Three months; all available data in `npm run test:weekly`. */
const DAYS = IS_WEEKLY ? Infinity : 90;
const pairs = settings.minutehand.pairs.map(parsePair);

describe.skipIf(m1 === null)(
  `the dataset of fourteen symbols and ${DAYS === Infinity ? 'eight' : 'three'} months${skipNote(m1)}`,
  () => {
    let bars: Map<string, BarColumns>;
    let dataset: Dataset;

    beforeAll(async () => {
      const all = await readBarFolder(m1!, symbolsOf(pairs));
      const first = Math.min(...[...all.values()].map(({ time }) => time[0]!));
      bars = new Map(
        [...all].map(([symbol, own]) => [
          symbol,
          clipBars(own, first as OpenTime, (first + DAYS * 86_400) as OpenTime),
        ]),
      );
      const startMs = performance.now();
      dataset = await buildDataset(pairs, bars, policy, { workers: 0, cache: null, onProgress: () => undefined });
      const seconds = (performance.now() - startMs) / 1000;
      const minutes = dataset.histories.reduce((sum, { length }) => sum + length, 0);
      console.log(`dataset: ${pairs.length} pairs, ${minutes} bars, one thread: ${seconds.toFixed(1)} s`);
    }, 300_000);

    it('has in sampled rows, bit for bit, the daemon’s values: with all pairs in one engine, or only that pair’s last bars', () => {
      const rng = createRng('sampled rows');
      const legs = new Map<number, readonly (readonly [number, number])[]>();
      for (const rows of [...MODEL_NAMES.map((model) => dataset.train[model]), dataset.holdout.ai1]) {
        for (let sample = 0; sample < 12; sample++) {
          const row = rng.integer(rows.x.rows);
          const index = rows.pair[row]!;
          const { pair } = dataset.histories[index]!;
          const a = bars.get(pair.a)!;
          const b = bars.get(pair.b)!;
          if (!legs.has(index)) legs.set(index, [...commonMinutes(a, b)]);
          const common = legs.get(index)!;
          const last = common.findIndex(([i]) => a.time[i]! + 60 === rows.time[row]);
          const alone = new PairFeatures(policy.windows);
          const together = new FeatureEngine(pairs, policy.windows);
          const own = pairs.findIndex(({ id }) => id === pair.id);
          for (const [i, j] of common.slice(last + 1 - alone.warmupBars, last + 1)) {
            alone.step(barAt(a, i), barAt(b, j));
            together.step([{ pairIndex: own, a: barAt(a, i), b: barAt(b, j) }]);
          }
          expect(alone.ready).toBe(true);
          const expected = new Float32Array(rows.x.columns);
          alone.writeRow(expected, 0);
          const found = rows.x.values.subarray(row * rows.x.columns, (row + 1) * rows.x.columns);
          expect(found).toEqual(expected);
          together.writeRow(own, expected, 0);
          expect(found).toEqual(expected);
        }
      }
    });

    it('is the same up to a minute if the data ends there: rows, features and labels known by then', async () => {
      const own = [parsePair('XAUUSD_XAGUSD'), parsePair('EURUSD_USDCHF')];
      const first = Math.max(...symbolsOf(own).map((symbol) => bars.get(symbol)!.time[0]!));
      const day = 86_400;
      const upTo = (days: number): Map<string, BarColumns> =>
        new Map(
          symbolsOf(own).map((symbol) => [
            symbol,
            clipBars(bars.get(symbol)!, first as OpenTime, (first + days * day) as OpenTime),
          ]),
        );
      const build = (days: number): Promise<Dataset> =>
        buildDataset(
          own,
          upTo(days),
          { ...policy, holdoutFraction: 0, maxRows: Infinity, minBars: 5000 },
          { workers: 0, cache: null, onProgress: () => undefined },
        );
      const short = await build(20);
      const long = await build(40);
      for (const model of MODEL_NAMES) {
        const part = short.train[model];
        const whole = long.train[model];
        const rowOf = new Map(Array.from(whole.time, (time, row) => [`${whole.pair[row]} ${time}`, row]));
        expect(part.x.rows).toBeGreaterThan(500);
        for (let row = 0; row < part.x.rows; row++) {
          const same = rowOf.get(`${part.pair[row]} ${part.time[row]}`)!;
          expect([part.y[row], part.labelEnd[row]]).toEqual([whole.y[same], whole.labelEnd[same]]);
          const { columns } = part.x;
          const bytes = (values: Float32Array, at: number): Buffer =>
            Buffer.from(values.buffer, values.byteOffset + at * columns * 4, columns * 4);
          if (bytes(part.x.values, row).compare(bytes(whole.x.values, same)) !== 0) expect.fail(`${model} row ${row}`);
        }
      }
    });

    it('has labels of both kinds for every pair, and far fewer independent rows than rows', () => {
      const { ai1, ai2 } = dataset.train;
      for (const rows of [ai1, ai2]) {
        for (let pair = 0; pair < pairs.length; pair++) {
          const labels = new Set(rows.y.filter((_, row) => rows.pair[row] === pair));
          expect(labels, pairs[pair]!.id).toEqual(new Set([0, 1]));
        }
        expect(rows.effectiveRows).toBeLessThan(rows.x.rows / 3);
        expect(rows.effectiveRows).toBeGreaterThan(1000);
      }
    });
  },
);
