import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barAt, columnsOf, readBarFolder, clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { Bar, OpenTime } from '../../../shared/bar.ts';
import { realData, skipNote } from '../../../shared/bar_file/real_data.fixture.ts';
import { naiveFeatures } from '../../../shared/core/features/features.oracle.ts';
import { featureDefinitions, PairFeatures, warmupBars } from '../../../shared/core/features/features.ts';
import { parsePair } from '../../../shared/pair.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { buildPairHistory, commonMinutes, HISTORY_COLUMNS, type PairHistory } from './pair_history.ts';

/** Common minutes as bars of both legs. */
function commonBars(a: BarColumns, b: BarColumns): { a: Bar; b: Bar }[] {
  return [...commonMinutes(a, b)].map(([i, j]) => ({ a: barAt(a, i), b: barAt(b, j) }));
}

function expectClose(value: number, expected: number, relative: number, what: string): void {
  if (Number.isNaN(expected)) expect(value, what).toBeNaN();
  else
    expect(Math.abs(value - expected), `${what}: ${value} instead of ${expected}`).toBeLessThan(
      relative * Math.abs(expected) + 1e-10,
    );
}

/** Compares bar `t` of the history with the textbook formulas on the bars up to it. */
function expectEqualToOracle(
  history: PairHistory,
  t: number,
  bars: readonly { a: Bar; b: Bar }[],
  windows: Parameters<typeof naiveFeatures>[2],
): void {
  const at = bars.findIndex(({ a }) => a.time === history.time[t]);
  const upTo = bars.slice(Math.max(0, at + 1 - warmupBars(windows) - 5), at + 1);
  const expected = naiveFeatures(
    upTo.map(({ a }) => a),
    upTo.map(({ b }) => b),
    windows,
  );
  const columns = featureDefinitions(windows);
  const row = history.row[t]! * columns.length;
  columns.forEach(({ name }, c) => expectClose(history.features[row + c]!, expected[name]!, 1e-6, `${name} at ${t}`));
  const { a, b } = bars[at]!;
  expect([history.openA[t], history.openB[t]]).toEqual([a.open, b.open]);
  expectClose(history.lnA[t]!, Math.log(a.close), 1e-15, 'lnA');
  expectClose(history.lnB[t]!, Math.log(b.close), 1e-15, 'lnB');
  expectClose(history.beta[t]!, expected['beta']!, 1e-8, 'beta');
  expectClose(history.alpha[t]!, expected['alpha']!, 1e-8, 'alpha');
  expectClose(history.corr[t]!, expected['corr']!, 1e-8, 'corr');
  expectClose(history.z[t]!, expected['z_score']!, 1e-9, 'z');
  expectClose(history.atrRatio[t]!, expected['atr_ratio']!, 1e-8, 'atrRatio');
  const { alpha, beta, zMean, zStd, lnA, lnB } = history;
  // Initial value of the frozen z of labels and positions.
  expectClose(
    (lnA[t]! - alpha[t]! - beta[t]! * lnB[t]! - zMean[t]!) / zStd[t]!,
    history.z[t]!,
    1e-6,
    'z from its parts',
  );
}

describe('buildPairHistory', () => {
  it.each([{ sequence: 1 }, { sequence: 4 }, { formulas: 'far = mean(abs(z_score), 70)' }])(
    'has behind a hole, to the bit, what the bars behind it give alone, with %o',
    (own) => {
      const settings = tinySettings();
      const windows = { ...settings.minutehand.windows, ...own };
      const bars = tinyBars(settings, 900);
      const days = (count: number) => (columns: BarColumns) => ({
        ...columns,
        time: columns.time.map((time, t) => time + (t >= 400 ? count * 86_400 : 0)),
      });
      const [first, second] = [...bars.keys()] as [string, string];
      const pair = { id: `${first}_${second}`, a: first, b: second };
      const build = (a: BarColumns, b: BarColumns): PairHistory => buildPairHistory(pair, a, b, windows, () => true);
      const [a, b] = [bars.get(first)!, bars.get(second)!].map(days(30)) as [BarColumns, BarColumns];
      const border = (a.time[399]! + 60) as OpenTime;
      const joined = build(a, b);
      const parts = [
        build(clipBars(a, undefined, border), clipBars(b, undefined, border)),
        build(clipBars(a, border), clipBars(b, border)),
      ];
      expect(parts.every(({ length }) => length > 100)).toBe(true);
      for (const name of HISTORY_COLUMNS) expect([...joined[name]]).toEqual(parts.flatMap((part) => [...part[name]]));
      expect([...joined.features]).toEqual(parts.flatMap(({ features }) => [...features]));
      // A long weekend is no hole.
      const [weekendA, weekendB] = [bars.get(first)!, bars.get(second)!].map(days(4)) as [BarColumns, BarColumns];
      expect(build(weekendA, weekendB).length).toBe(900 - warmupBars(windows) + 1);
    },
  );

  it('has one element for every warm minute that both legs have, equal to the textbook formulas', () => {
    const settings = tinySettings();
    const { windows } = settings.minutehand;
    const bars = tinyBars(settings, 500);
    const own = (symbol: string, drop: (i: number) => boolean): BarColumns => {
      const columns = bars.get(symbol)!;
      const kept = Array.from({ length: columns.length }, (_, i) => barAt(columns, i)).filter((_, i) => !drop(i));
      return columnsOf(symbol, kept);
    };
    const a = own('XAUUSD', (i) => i % 17 === 3);
    const b = own('XAGUSD', (i) => i % 23 === 3);
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, windows, () => true);
    const common = commonBars(a, b);
    expect(history.length).toBe(common.length - warmupBars(windows) + 1);
    expect([...history.time]).toEqual(common.slice(warmupBars(windows) - 1).map((bar) => bar.a.time));
    expect(history.rows).toBe(history.length);
    for (let t = 0; t < history.length; t += 11) expectEqualToOracle(history, t, common, windows);
  });

  it('has the engine’s float64 values at each bar, bit for bit', () => {
    const { minutehand } = tinySettings();
    const bars = tinyBars(tinySettings(), 500);
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, minutehand.windows, () => true);
    const engine = new PairFeatures(minutehand.windows);
    const atrRatio = engine.definitions.findIndex(({ name }) => name === 'atr_ratio');
    const needsFloat64 = new Set<string>();
    let t = 0;
    for (const bar of commonBars(a, b)) {
      engine.step(bar.a, bar.b);
      if (!engine.ready) continue;
      const { lnA, lnB, alpha, beta, corr, zMean, zStd, z } = engine.frame;
      const expected = {
        time: bar.a.time,
        openA: bar.a.open,
        openB: bar.b.open,
        quotedA: (1e4 * bar.a.spread!) / bar.a.close,
        quotedB: (1e4 * bar.b.spread!) / bar.b.close,
        lnA,
        lnB,
        alpha,
        beta,
        corr,
        zMean,
        zStd,
        z,
        atrRatio: engine.values[atrRatio]!,
      };
      for (const name of HISTORY_COLUMNS) {
        expect(history[name][t], `${name} at ${t}`).toBe(expected[name]);
        if (Math.fround(expected[name]) !== expected[name]) needsFloat64.add(name);
      }
      t++;
    }
    expect(t).toBe(history.length);
    expect(needsFloat64).toEqual(new Set(HISTORY_COLUMNS));
  });

  it('begins where a sequence has its rows, and has those of each bar one behind the other', () => {
    const { minutehand } = tinySettings();
    const windows = { ...minutehand.windows, sequence: 6 };
    const bars = tinyBars(tinySettings(), 300);
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, windows, () => false);
    const engine = new PairFeatures(windows);
    const row = new Float32Array(engine.rowLength);
    const width = engine.definitions.length;
    let t = 0;
    for (const bar of commonBars(a, b)) {
      engine.step(bar.a, bar.b);
      if (!engine.ready) continue;
      engine.writeRow(row, 0);
      expect(history.time[t]).toBe(bar.a.time);
      const end = (history.row[t]! + 1) * width;
      expect(history.features.subarray(end - row.length, end)).toEqual(row);
      t++;
    }
    expect(t).toBeGreaterThan(100);
    expect([history.length, history.rows]).toEqual([t, t + 5]);
  });

  it('keeps the requested features and marks the others', () => {
    const settings = tinySettings();
    const { windows } = settings.minutehand;
    const bars = tinyBars(settings, 2400);
    const a = bars.get('AUDUSD')!;
    const b = bars.get('USDCAD')!;
    const all = buildPairHistory(parsePair('AUDUSD_USDCAD'), a, b, windows, () => true);
    const some = buildPairHistory(
      parsePair('AUDUSD_USDCAD'),
      a,
      b,
      windows,
      (time, z) => time % 180 === 0 || Math.abs(z) > 2,
    );
    const width = all.features.length / all.rows;
    let kept = 0;
    for (let t = 0; t < all.length; t++) {
      const wanted = all.time[t]! % 180 === 0 || Math.abs(all.z[t]!) > 2;
      expect(some.row[t]).toBe(wanted ? kept : -1);
      if (wanted) {
        expect(some.features.subarray(kept * width, (kept + 1) * width)).toEqual(
          all.features.subarray(t * width, (t + 1) * width),
        );
        kept++;
      }
    }
    expect(some.rows).toBe(kept);
    expect(some.features.length).toBe(kept * width);
    expect(some.z).toEqual(all.z);
  });

  it('is empty when the legs share no minute or are too short to warm up', () => {
    const settings = tinySettings();
    const { windows } = settings.minutehand;
    const bars = tinyBars(settings, 60);
    const a = bars.get('XAUUSD')!;
    const later = { ...bars.get('XAGUSD')!, time: a.time.map((time) => time + 86_400) };
    for (const b of [later, bars.get('XAGUSD')!]) {
      const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, windows, () => true);
      expect([history.length, history.rows, history.features.length]).toEqual([0, 0, 0]);
    }
  });

  it('computes formulas in blocks to the bits that they have bar by bar, in the rows of kept bars alone', () => {
    const { minutehand } = tinySettings();
    const bars = tinyBars(tinySettings(), 1400);
    const without = (symbol: string, drop: (i: number) => boolean): BarColumns => {
      const columns = bars.get(symbol)!;
      const kept = Array.from({ length: columns.length }, (_, i) => barAt(columns, i)).filter((_, i) => !drop(i));
      return columnsOf(symbol, kept);
    };
    const a = without('XAUUSD', (i) => i % 17 === 3 || (i > 600 && i < 640));
    const b = without('XAGUSD', (i) => i % 23 === 3);
    const formulas = [
      'momentum = (ema(a.close, 24) / a.close) - 1',
      'ranked = rank(z_score, 70)',
      'hours = corr(hour(), delta(log(b.close)), 60)',
      'quoted = mean(a.spread, 5) / a.close',
    ].join('\n');
    const windows = { ...minutehand.windows, formulas };
    const isKept = (time: number): boolean => (time / 60) % 3 !== 0;
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, windows, isKept);
    const engine = new PairFeatures(windows);
    const width = engine.definitions.length;
    const expected: Float32Array[] = [];
    for (const common of commonBars(a, b)) {
      engine.step(common.a, common.b);
      if (!engine.ready || !isKept(common.a.time)) continue;
      const row = new Float32Array(width);
      engine.writeRow(row, 0);
      expected.push(row);
    }
    expect(history.rows).toBe(expected.length);
    expect(expected.length).toBeGreaterThan(2 * 256);
    expected.forEach((row, i) => {
      const seen = history.features.subarray(i * width, (i + 1) * width);
      expect(new Uint32Array(seen.slice().buffer), `row ${i}`).toEqual(new Uint32Array(row.buffer));
    });
  });

  const m1 = realData('m1');
  it.skipIf(m1 === null)(`equals the textbook formulas on a month of real gold and silver${skipNote(m1)}`, async () => {
    const { windows } = loadSettings({ env: {} }).minutehand;
    const read = await readBarFolder(m1!, ['XAUUSD', 'XAGUSD']);
    const first = Math.max(read.get('XAUUSD')!.time[0]!, read.get('XAGUSD')!.time[0]!);
    const month = (columns: BarColumns): BarColumns =>
      clipBars(columns, (first + 30 * 86_400) as OpenTime, (first + 60 * 86_400) as OpenTime);
    const a = month(read.get('XAUUSD')!);
    const b = month(read.get('XAGUSD')!);
    const history = buildPairHistory(parsePair('XAUUSD_XAGUSD'), a, b, windows, () => true);
    const common = commonBars(a, b);
    expect(history.length).toBeGreaterThan(15_000);
    expect(history.length).toBe(common.length - warmupBars(windows) + 1);
    for (let t = 0; t < history.length; t += 499) expectEqualToOracle(history, t, common, windows);
  });
});

describe('commonMinutes', () => {
  it('equals an intersection of sets, ascending', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 60 })).map((list) => list.sort((a, b) => a - b));
    const columns = (list: readonly number[]): BarColumns =>
      columnsOf(
        'X',
        list.map((time): Bar => ({
          symbol: 'X',
          time: time as OpenTime,
          open: 1,
          high: 1,
          low: 1,
          close: 1,
          volume: 0,
        })),
      );
    fc.assert(
      fc.property(times, times, (a, b) => {
        const found = [...commonMinutes(columns(a), columns(b))];
        const shared = a.filter((time) => b.includes(time));
        expect(found.map(([i]) => a[i])).toEqual(shared);
        expect(found.map(([, j]) => b[j])).toEqual(shared);
      }),
    );
  });
});
