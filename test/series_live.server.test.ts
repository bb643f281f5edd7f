import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../shared/bar.ts';
import { SeriesCursor } from '../shared/core/series/series_cursor.ts';
import { SERIES, SERIES_NAMES, type SeriesName } from '../shared/core/series/series_names.ts';
import { parsePair } from '../shared/pair.ts';
import type { InputRow, JournalStore } from '../shared/store/journal.ts';
import { archiveSeries, readSeriesFolder } from '../trainer/learning/instruments/series_files.ts';
import { tinyBars, tinySettings } from './tiny_models.ts';
import { barInput, inputOf } from '../daemon/queue/input.ts';
import { restoredInputs } from '../daemon/journal/recovery.ts';
import { byMinute, openBench, START_MS, type Bench } from '../daemon/pipeline.fixture.ts';

const settings = tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD'] } });
const PAIR = parsePair('XAUUSD_XAGUSD');
const MINUTES = 12;
/** Bars shifted to the bench's time. */
const MARKET = byMinute(tinyBars(settings, MINUTES)).map(({ bars }, minute) => {
  const time = START_MS / 1000 + minute * 60;
  return bars.map((bar) => ({ ...bar, time: time as typeof bar.time }));
});

type Reading = readonly [close: number, ...values: number[]];

/** A pipeline that records its readings of the series at the close of each answered bar. */
function openReader(): { bench: Bench; readings: Reading[] } {
  const readings: Reading[] = [];
  const into = new Float64Array(SERIES.length);
  const bench: Bench = openBench(settings, {
    observer: {
      onSignals(batch) {
        for (const { minute } of batch) {
          const close = minute.time + 60;
          bench.pipeline.series.valuesAt(PAIR.a, close, into);
          readings.push([close, ...into]);
        }
      },
      onSwap: () => undefined,
      onModelFailure: () => undefined,
      onShadowFailure: () => undefined,
      onChallengerFailure: () => undefined,
      onScreened: () => undefined,
    },
  });
  return { bench, readings };
}

/** Events of one minute: each leg may be late or absent, and values arrive around any time. */
const minute = fc.record({
  legs: fc.constantFrom('both', 'split', 'one', 'none'),
  waits: fc.boolean(),
  values: fc.array(
    fc.record({
      name: fc.constantFrom<SeriesName>('funding_rate', 'order_book_imbalance', 'sentiment'),
      agoMs: fc.oneof(fc.integer({ min: -2000, max: 90_000 }), fc.integer({ min: 0, max: 3_600_000 })),
      atMs: fc.integer({ min: 0, max: 3000 }),
      value: fc.constantFrom(0, 0.25, 0.5, 1),
    }),
    { maxLength: 4 },
  ),
});
type Minute = typeof minute extends fc.Arbitrary<infer Value> ? Value : never;

async function live(day: readonly Minute[]): Promise<{ bench: Bench; readings: Reading[] }> {
  const { bench, readings } = openReader();
  const { inputs } = bench.pipeline;
  let nowMs = START_MS;
  const passTo = (ms: number): void => {
    bench.passMs(Math.max(0, ms - nowMs));
    nowMs = Math.max(ms, nowMs);
  };
  for (const [i, { legs, waits, values }] of day.entries()) {
    const [a, b] = MARKET[i]!;
    const observe = (third: 0 | 1 | 2): void => {
      for (const { name, agoMs, atMs, value } of values.filter(({ atMs: at }) => at % 3 === third)) {
        passTo(START_MS + i * 60_000 + 58_000 + atMs);
        inputs.observe(
          { symbol: PAIR.a, name, eventMs: nowMs - agoMs, value },
          { nowMs: nowMs as EpochMs, maxClockSkewMs: 2000 },
        );
      }
    };
    // A bar may arrive up to two seconds before its close by this clock.
    passTo(START_MS + i * 60_000 + 58_000);
    observe(0);
    if (legs !== 'none') inputs.take(barInput(a!, false));
    if (waits) await bench.pipeline.settled();
    observe(1);
    if (legs === 'both' || legs === 'split') inputs.take(barInput(b!, false));
    if (legs === 'one') inputs.endMinute();
    observe(2);
  }
  inputs.endMinute();
  await bench.pipeline.settled();
  return { bench, readings };
}

const journalOf = (rows: readonly InputRow[]): Pick<JournalStore, 'seriesBetween'> => ({
  seriesBetween: (from, to) => rows.filter(({ kind, time }) => kind === 'series' && time >= from && time < to).values(),
});

/** Training's readings at these closes, from the archive of the same journal. */
async function trained(rows: readonly InputRow[], closes: readonly number[]): Promise<Reading[]> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-series-'));
  try {
    await archiveSeries(folder, journalOf(rows), 'journal');
    expect((await archiveSeries(folder, journalOf(rows), 'journal')).every(({ added }) => added === 0)).toBe(true);
    const stored = await readSeriesFolder(folder, PAIR.a);
    const cursors = SERIES.map(({ name, max_age_seconds }) => new SeriesCursor(stored[name], max_age_seconds));
    return closes.map((close): Reading => [close, ...cursors.map((cursor) => cursor.valueAt(close))]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('auxiliary series of the daemon', () => {
  it('have the same values at each close live, in training from their archive, in a replay and after a restart', async () => {
    const day = fc.array(minute, { minLength: 1, maxLength: MINUTES });
    await fc.assert(
      fc.asyncProperty(day, async (minutes) => {
        const { bench, readings } = await live(minutes);
        expect(readings).toEqual(
          await trained(
            bench.inputs,
            readings.map(([close]) => close),
          ),
        );
        const replayed = openReader();
        for (const row of bench.inputs)
          replayed.bench.pipeline.inputs.apply(await inputOf(row, () => Promise.reject(new Error('no models'))));
        await replayed.bench.pipeline.settled();
        expect(replayed.readings).toEqual(readings);
        const restarted = openReader();
        const from = MARKET[minutes.length - 1]![0]!.time;
        const later = bench.inputs.filter(({ time }) => time >= from);
        await restarted.bench.pipeline.recover(restoredInputs(journalOf(bench.inputs), from, later), [], () =>
          Promise.resolve(),
        );
        expect(restarted.readings).toEqual(readings.filter(([close]) => close > from));
      }),
      { numRuns: 60 },
    );
  });

  it('names every series once', () => {
    expect(new Set(SERIES_NAMES).size).toBe(SERIES.length);
  });
});
