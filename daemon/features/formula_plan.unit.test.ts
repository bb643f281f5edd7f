import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { PairFeatures, warmupBars } from '../../shared/core/features/features.ts';
import { SeriesBook } from '../../shared/core/series/series_book.ts';
import { checksum } from '../../shared/signal/encode.ts';
import { openJournal, type JournalFile } from '../../shared/store/journal.ts';
import { allPairs, itemOf, MARKET, PAIRS, SCHEMA, settings, WARMUP } from '../infer/market_minutes.fixture.ts';
import { barInput } from '../queue/input.ts';
import { FeatureMatrix } from './feature_matrix.ts';
import { readSeries } from './series_reader.ts';

const { windows } = settings.minutehand;
const COLUMNS = SCHEMA.definitions.length;
const LONG = WARMUP + 60;
const setOf = (formulas: string): ModelSet =>
  ({ version: formulas, schema: featureSchema({ ...windows, formulas }) }) as ModelSet;
/** Looks back over more bars than the hand-written features. */
const LONGER = setOf(`far = mean(abs(z_score), 70)\nmomentum = a.close / delay(a.close, ${LONG - 1}) - 1`);
const SHORTER = setOf('ratio = a.close / b.close');
const sequenceOf = (sequence: number, formulas?: string): ModelSet =>
  ({
    version: `${sequence} bars`,
    schema: featureSchema({ ...windows, sequence, ...(formulas !== undefined && { formulas }) }),
  }) as ModelSet;
const SEQUENCE = sequenceOf(7);
const SEQUENCE_OF_FORMULAS = sequenceOf(5, 'far = mean(abs(z_score), 70)');
const WITHOUT = { version: 'none', schema: SCHEMA } as ModelSet;

let folder = '';
let store: JournalFile;
/** Bars of the journal. */
const STORED = 150;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-plan-'));
  store = openJournal(join(folder, 'journal.db'));
  const inputs = MARKET.slice(0, STORED).flatMap(({ bars }) => bars.map((bar) => barInput(bar, false)));
  store.append(inputs, [], []);
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const stored = (): Promise<void> => Promise.resolve();

function matrixAfter(bars: number): FeatureMatrix {
  const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
  for (let bar = 0; bar < bars; bar++) matrix.step(allPairs(bar));
  return matrix;
}

/** All columns of a pair after so many bars, by the engine of trainings. */
function expectedAfter(set: ModelSet, bars: number, pairIndex: number): PairFeatures {
  const features = new PairFeatures(set.schema.windows, PAIRS[pairIndex]!);
  for (let bar = 0; bar < bars; bar++) {
    const { a, b } = itemOf(bar, pairIndex).minute;
    features.step(a!, b!);
  }
  return features;
}

function expectRows(matrix: FeatureMatrix, set: ModelSet, bars: number): void {
  for (const pairIndex of PAIRS.keys()) {
    const features = expectedAfter(set, bars, pairIndex);
    const width = features.rowLength;
    const expected = new Float32Array(width);
    features.writeRow(expected, 0);
    const row = matrix.rowOf(pairIndex, set);
    expect(matrix.valuesOf(set).slice(row * width, (row + 1) * width)).toEqual(expected);
    expect(matrix.checksum(pairIndex, set.schema.hash)).toBe(checksum(new Uint8Array(features.values.buffer)));
  }
}

describe('formulas of a loaded set', () => {
  it('are those of a training from their first bar on, when they are computed over the journal', async () => {
    const matrix = matrixAfter(STORED);
    let pauses = 0;
    const pause = async (): Promise<void> => {
      // A bar comes in the middle.
      if (++pauses === 3) matrix.step(allPairs(STORED));
      return Promise.resolve();
    };
    await matrix.warm(LONGER, store, { stored, pause });
    expect(pauses).toBeGreaterThan(PAIRS.length);
    matrix.use([LONGER]);
    for (const bars of [STORED + 2, STORED + 3]) {
      expect(matrix.step(allPairs(bars - 1))).toBe(PAIRS.length);
      expectRows(matrix, LONGER, bars);
    }
  });

  it('are those of one minute after the other when many minutes of a pair come in one batch', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    matrix.use([LONGER, SHORTER]);
    const bars = warmupBars(LONGER.schema.windows) + 5;
    const minuteOf = (bar: number, pairIndex: number) => ({
      ...itemOf(bar, pairIndex),
      publish: bar === bars - 1,
    });
    // All minutes of a pair, and then those of the next.
    const items = [...PAIRS.keys()].flatMap((pairIndex) =>
      Array.from({ length: bars }, (_, bar) => minuteOf(bar, pairIndex)),
    );
    expect(matrix.step(items)).toBe(PAIRS.length);
    for (const set of [LONGER, SHORTER]) expectRows(matrix, set, bars);
  });

  it('are read from no bar that has not moved the features yet', async () => {
    const matrix = matrixAfter(STORED - 5);
    await matrix.warm(LONGER, store, { stored, pause: stored });
    matrix.use([LONGER]);
    for (let bar = STORED - 5; bar < STORED; bar++) matrix.step(allPairs(bar));
    expectRows(matrix, LONGER, STORED);
  });

  it('make no row where the journal has too few bars, while those of other sets are scored', async () => {
    const warm = warmupBars(LONGER.schema.windows);
    const matrix = matrixAfter(warm - 3);
    await matrix.warm(LONGER, store, { stored, pause: stored });
    matrix.use([LONGER, WITHOUT, SHORTER]);
    for (let bar = warm - 3; bar < warm; bar++) {
      matrix.step(allPairs(bar));
      const isWarm = bar === warm - 1;
      expect([matrix.rowOf(1, LONGER) >= 0, matrix.isReady(1, LONGER)]).toEqual([isWarm, isWarm]);
      for (const other of [WITHOUT, SHORTER, null])
        expect([matrix.rowOf(1, other), matrix.isReady(1, other)]).toEqual([1, true]);
    }
    expectRows(matrix, LONGER, warm);
    expectRows(matrix, SHORTER, warm);
    expect(matrix.valuesOf(WITHOUT)).toBe(matrix.values);
    expect(matrix.formulaSchemaOf(WITHOUT)).toBeNull();
    expect(matrix.formulaSchemaOf(LONGER)).toBe(LONGER.schema.hash);
  });

  it.each([{ set: LONGER }, { set: SEQUENCE_OF_FORMULAS }])(
    'make no row behind a hole until all bars that they look back on are behind it: $set.version',
    async ({ set }) => {
      const warm = warmupBars(set.schema.windows);
      const matrix = matrixAfter(STORED);
      await matrix.warm(set, store, { stored, pause: stored });
      matrix.use([set]);
      const shift = 30 * 86_400;
      for (let bar = 0; bar < warm; bar++) {
        const items = allPairs(STORED + bar).map((item) => {
          const { a, b, time } = item.minute;
          const moved = {
            time: time + shift,
            a: { ...a!, time: a!.time + shift },
            b: { ...b!, time: b!.time + shift },
          };
          return { ...item, minute: { ...item.minute, ...moved } as typeof item.minute };
        });
        if (bar === 0) expect(matrix.isReady(1, set)).toBe(true);
        matrix.step(items);
        const isWarm = bar === warm - 1;
        expect([matrix.rowOf(1, set) >= 0, matrix.isReady(1, set)]).toEqual([isWarm, isWarm]);
      }
    },
  );

  it('are computed, and warmed from the journal, for the pairs alone that they are for', async () => {
    const own = PAIRS[1]!.id;
    const set = setOf(
      `far for ${own} = mean(abs(z_score), 70)\nmomentum for ${own} = a.close / delay(a.close, ${LONG})`,
    );
    const matrix = matrixAfter(STORED);
    const asked: string[] = [];
    const counted = {
      ...store,
      commonBars: (...ask: Parameters<JournalFile['commonBars']>) => (asked.push(ask[0].id), store.commonBars(...ask)),
      commonMinuteBefore: store.commonMinuteBefore.bind(store),
      inputsFrom: store.inputsFrom.bind(store),
    } as JournalFile;
    await matrix.warm(set, counted, { stored, pause: stored });
    expect(new Set(asked)).toEqual(new Set([own]));
    matrix.use([set]);
    expect(PAIRS.map((_, pairIndex) => matrix.isReady(pairIndex, set))).toEqual(PAIRS.map(() => true));
    matrix.step(allPairs(STORED));
    expectRows(matrix, set, STORED + 1);
    const values = matrix.valuesOf(set).slice(0, PAIRS.length * (COLUMNS + 2));
    const missing = PAIRS.map((_, row) => Number.isNaN(values[(row + 1) * (COLUMNS + 2) - 1]));
    expect(missing).toEqual(PAIRS.map((_, row) => row !== 1));
    // A new pair of the plan is warm without it.
    const young = matrixAfter(WARMUP);
    young.use([set]);
    young.step(allPairs(WARMUP));
    expect([0, 1].map((pairIndex) => young.isReady(pairIndex, set))).toEqual([true, false]);
  });

  it('begin with the next bar where nothing was warmed', () => {
    const matrix = matrixAfter(WARMUP);
    matrix.use([SHORTER]);
    expect(matrix.isReady(0, SHORTER)).toBe(false);
    matrix.step(allPairs(WARMUP));
    expectRows(matrix, SHORTER, WARMUP + 1);
  });

  it('are computed once for sets with the same ones, and no longer when no set has them', async () => {
    const matrix = matrixAfter(STORED);
    const twin = { ...LONGER, version: 'twin' };
    let reads = 0;
    const counted = {
      ...store,
      commonBars: (...asked: Parameters<JournalFile['commonBars']>) => (reads++, store.commonBars(...asked)),
      commonMinuteBefore: store.commonMinuteBefore.bind(store),
      inputsFrom: store.inputsFrom.bind(store),
    } as JournalFile;
    await matrix.warm(LONGER, counted, { stored, pause: stored });
    const first = reads;
    await matrix.warm(twin, counted, { stored, pause: stored });
    expect([first > 0, reads]).toEqual([true, first]);
    // It was loaded, and waits in the queue, when the others go.
    matrix.use([WITHOUT]);
    expect(matrix.isReady(0, twin)).toBe(true);
    matrix.use([twin, WITHOUT]);
    matrix.use([WITHOUT]);
    expect(() => matrix.valuesOf(twin)).toThrow(/are not computed/);
    await matrix.warm(twin, counted, { stored, pause: stored });
    expect(reads).toBe(2 * first);
  });
});

describe.each([
  ['a sequence', SEQUENCE],
  ['a sequence with formulas', SEQUENCE_OF_FORMULAS],
] as const)('%s of a loaded set', (_, set) => {
  const warm = warmupBars(set.schema.windows);

  it('is that of a training from its first bar on, when it is filled from the journal', async () => {
    const matrix = matrixAfter(STORED);
    let pauses = 0;
    const pause = async (): Promise<void> => {
      // A bar comes in the middle.
      if (++pauses === 3) matrix.step(allPairs(STORED));
      return Promise.resolve();
    };
    await matrix.warm(set, store, { stored, pause });
    matrix.use([set, WITHOUT]);
    for (const bars of [STORED + 2, STORED + 3]) {
      expect(matrix.step(allPairs(bars - 1))).toBe(PAIRS.length);
      expectRows(matrix, set, bars);
    }
  });

  it('has each bar of a batch with many minutes of a pair', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    matrix.use([set]);
    const bars = warm + 3;
    const items = [...PAIRS.keys()].flatMap((pairIndex) =>
      Array.from({ length: bars }, (__, bar) => ({ ...itemOf(bar, pairIndex), publish: bar === bars - 1 })),
    );
    expect(matrix.step(items)).toBe(PAIRS.length);
    expectRows(matrix, set, bars);
  });

  it('makes no row before all of its bars are warm, while sets without one are scored', () => {
    const matrix = new FeatureMatrix(PAIRS, windows, COLUMNS, readSeries(new SeriesBook()));
    matrix.use([set, WITHOUT]);
    for (let bar = 0; bar < warm; bar++) {
      matrix.step(allPairs(bar));
      const isWarm = bar === warm - 1;
      expect([matrix.isReady(0, set), matrix.rowOf(0, set) >= 0]).toEqual([isWarm, isWarm]);
      if (bar >= WARMUP) expect(matrix.rowOf(0, WITHOUT)).toBe(0);
    }
    expectRows(matrix, set, warm);
    expect(matrix.valuesOf(WITHOUT)).toBe(matrix.values);
    expect(matrix.formulaSchemaOf(set)).toBe(set.schema.hash);
  });
});
