import { expect, it } from 'vitest';
import { InstrumentColumns } from '../../../../shared/core/features/instrument/instrument_columns.ts';
import { instrumentOf } from '../../../../shared/pair.ts';
import { isSequence, sequencesOf } from '../../learners/contract/past_rows.ts';
import { EVALUATION_LABEL } from './label/direction.ts';
import { instrumentRows, stepAll, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import { learnedRows } from './learned_rows.ts';
import { mirroredInstrument } from './mirrored_instrument.ts';
import { HOUR, instrumentOf as withoutSeries, randomWalk, WINDOWS } from './small_markets.fixture.ts';

const BARS = 5;

/** A weekend every five days: a sequence is of bars, not of hours. */
function walk(symbol: string, length: number): Instrument {
  const bars = randomWalk(symbol, length);
  return withoutSeries({ ...bars, time: bars.time.map((time, t) => time + 48 * HOUR * Math.floor(t / 120)) });
}

/** Features of every bar, and whether they were warm: one step per bar, all rows kept. */
function slowFeatures({ bars, series }: Instrument): { readonly row: Float32Array; readonly isWarm: boolean }[] {
  const columns = new InstrumentColumns(WINDOWS, instrumentOf(bars.symbol, bars.timeframe));
  const rows: { row: Float32Array; isWarm: boolean }[] = [];
  stepAll(bars, series, columns, () => rows.push({ row: Float32Array.from(columns.values), isWarm: columns.ready }));
  return rows;
}

const INSTRUMENTS = [walk('ONE', 300), walk('TWO', 260)];
const plan = { windows: { ...WINDOWS, sequence: BARS }, label: EVALUATION_LABEL, mirrored: true };

/** The sequence of each row by the slow way, `BARS` rows of features each. */
function expectedSequences(rows: InstrumentRows, of: (instrument: Instrument) => Instrument): Float32Array[] {
  const features = INSTRUMENTS.map((own) => slowFeatures(of(own)));
  return Array.from(rows.bar, (bar, row) => {
    const own = features[rows.instrument[row]!]!.slice(bar - BARS + 1, bar + 1);
    expect(own.every(({ isWarm }) => isWarm)).toBe(true);
    return Float32Array.from(own.flatMap(({ row: values }) => [...values]));
  });
}

it('of a sequence are the features of each bar and of those before it, all of them warm', () => {
  const rows = instrumentRows(INSTRUMENTS, plan);
  for (const [x, of] of [
    [rows.x, (own: Instrument) => own],
    [rows.mirrored!, mirroredInstrument],
  ] as const) {
    if (!isSequence(x)) return expect.fail('no sequence');
    const width = BARS * x.columns;
    const all = sequencesOf(x, 0, x.rows);
    expectedSequences(rows, of).forEach((expected, row) => {
      expect(all.subarray(row * width, (row + 1) * width)).toEqual(expected);
      expect(x.values.subarray(row * x.columns, (row + 1) * x.columns)).toEqual(expected.subarray(width - x.columns));
    });
  }
});

it('begin as many bars later as a sequence has more than one, and are otherwise those without it', () => {
  const rows = instrumentRows(INSTRUMENTS, plan);
  const alone = instrumentRows(INSTRUMENTS, { ...plan, windows: WINDOWS });
  expect(alone.x.past).toBeUndefined();
  expect(rows.x.rows).toBe(alone.x.rows - INSTRUMENTS.length * (BARS - 1));
  const keyOf = ({ instrument, bar }: InstrumentRows, row: number): string => `${instrument[row]} ${bar[row]}`;
  const places = new Map(Array.from(alone.bar, (_, row) => [keyOf(alone, row), row]));
  const { columns } = rows.x;
  for (let row = 0; row < rows.x.rows; row++) {
    const other = places.get(keyOf(rows, row))!;
    expect([rows.y[row], rows.evaluation[row], rows.time[row], rows.labelEnd[row]]).toEqual([
      alone.y[other],
      alone.evaluation[other],
      alone.time[other],
      alone.labelEnd[other],
    ]);
    expect(rows.x.values.subarray(row * columns, (row + 1) * columns)).toEqual(
      alone.x.values.subarray(other * columns, (other + 1) * columns),
    );
  }
});

it('keep the bars before them where mirror images are added', () => {
  const rows = instrumentRows(INSTRUMENTS, plan);
  const train = Int32Array.from({ length: 40 }, (_, i) => 2 * i);
  const stopping = Int32Array.of(101, 103);
  const learned = learnedRows(rows, train, stopping, { balance: 'mirror', classWeightRatio: 1, seed: '1' });
  const { x } = learned.rows;
  if (!isSequence(x) || !isSequence(rows.x) || !isSequence(rows.mirrored!)) return expect.fail('no sequence');
  const width = BARS * x.columns;
  const of = (table: typeof x, row: number): Float32Array => sequencesOf(table, row, row + 1);
  const images = [...train, ...stopping];
  expect(x.rows).toBe(rows.x.rows + images.length);
  for (const row of images) expect(of(x, row)).toEqual(of(rows.x, row));
  images.forEach((row, i) => expect(of(x, rows.x.rows + i)).toEqual(of(rows.mirrored as typeof x, row)));
  expect(of(x, 0).length).toBe(width);
});

it('are behind a hole in the bars, to the bit, what the bars behind it give alone, and no label crosses it', () => {
  const bars = randomWalk('ONE', 700);
  const cut = 350;
  const time = bars.time.map((open, t) => open + (t >= cut ? 60 * 24 * HOUR : 0));
  const rows = (from: number, to: number): InstrumentRows => {
    const columns = ['open', 'high', 'low', 'close', 'volume', 'takerBuyVolume'] as const;
    const own = Object.fromEntries(columns.map((name) => [name, bars[name].slice(from, to)]));
    const part = withoutSeries({ ...bars, ...own, length: to - from, time: time.slice(from, to) });
    // Longer than a hole.
    return instrumentRows([part], { ...plan, label: { unit: 'percent', threshold: 0.05, horizon: 200 } });
  };
  const all = rows(0, bars.length);
  const parts = [rows(0, cut), rows(cut, bars.length)];
  for (const name of ['y', 'evaluation', 'time', 'labelEnd'] as const)
    expect([...all[name]]).toEqual(parts.flatMap((part) => [...part[name]]));
  expect([...all.x.values]).toEqual(parts.flatMap(({ x }) => [...x.values]));
  if (!isSequence(all.x) || !parts.every(({ x }) => isSequence(x))) return expect.fail('no sequence');
  expect([...sequencesOf(all.x, 0, all.x.rows)]).toEqual(
    parts.flatMap(({ x }) => (isSequence(x) ? [...sequencesOf(x, 0, x.rows)] : [])),
  );
});
