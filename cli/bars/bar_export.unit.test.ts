import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportBars, type ExportFormat } from './bar_export.ts';
import {
  emptyColumns,
  formatBars,
  OPTIONAL_COLUMNS,
  optionalColumn,
  readBarFile,
  type BarColumns,
  type OptionalColumn,
} from '../../shared/bar_file/bar_file.ts';
import { withFlow } from '../../trainer/store/bar_flow.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bar-export-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Every set of optional columns. */
const SETS = Array.from({ length: 8 }, (_, bits) => OPTIONAL_COLUMNS.filter((__, i) => (bits >> i) % 2 === 1));

function someBars(count: number, optional: readonly OptionalColumn[]): BarColumns {
  const { spread, ...columns } = emptyColumns(count);
  for (let i = 0; i < count; i++) {
    columns.time[i] = 1_546_300_800 + i * 60;
    columns.low[i] = 1 / (i + 3);
    columns.open[i] = columns.close[i] = columns.low[i]! + 1e-7;
    columns.high[i] = columns.low[i]! + 0.1;
    columns.volume[i] = i;
    spread[i] = i % 2 === 0 ? NaN : 0.1 * i;
  }
  const everyThird = (factor: number): Float64Array => spread.map((_, i) => (i % 3 === 0 ? NaN : factor * i));
  const takerBuyVolume = optional.includes('taker_buy_volume') ? everyThird(1 / 7) : null;
  const trades = optional.includes('trades') ? everyThird(2) : null;
  return {
    symbol: 'X',
    length: count,
    ...columns,
    spread: optional.includes('spread') ? spread : null,
    ...((takerBuyVolume ?? trades) !== null && { flow: { takerBuyVolume, trades } }),
  };
}

/** As the store has them: what flowed is known at the close. */
function pagesOf(bars: BarColumns, size: number): AsyncGenerator<BarColumns> {
  const byOpen = (column: Float64Array | null | undefined) =>
    column ? new Map([...column].flatMap((value, i) => (Number.isNaN(value) ? [] : [[bars.time[i]!, value]]))) : null;
  const { takerBuyVolume, trades } = bars.flow ?? {};
  return withFlow(storedPages(bars, size), { takerBuyVolume: byOpen(takerBuyVolume), trades: byOpen(trades) });
}

async function* storedPages(bars: BarColumns, size: number): AsyncGenerator<BarColumns> {
  for (let first = 0; first < bars.length; first += size) {
    const end = Math.min(first + size, bars.length);
    const cut = (column: Float64Array): Float64Array => column.slice(first, end);
    const page = { time: cut(bars.time), open: cut(bars.open), high: cut(bars.high), low: cut(bars.low) };
    const more = { close: cut(bars.close), volume: cut(bars.volume), spread: bars.spread && cut(bars.spread) };
    yield await Promise.resolve({ symbol: bars.symbol, length: end - first, ...page, ...more });
  }
}

const write = (bars: BarColumns, format: ExportFormat, size = 1000): Promise<number> =>
  exportBars(join(folder, `X.${format}`), format, {
    optional: OPTIONAL_COLUMNS.filter((name) => optionalColumn(bars, name) !== null),
    pages: pagesOf(bars, size),
  });

describe('exportBars', () => {
  it.each(SETS.map((optional) => ({ optional })))(
    'writes CSV that reads back as the same bars, compressed or not (with $optional)',
    async ({ optional }) => {
      const bars = someBars(2500, optional);
      for (const format of ['csv', 'csv.gz'] as const) {
        expect(await write(bars, format)).toBe(2500);
        expect(await readBarFile(join(folder, `X.${format}`))).toEqual(bars);
      }
      expect(await readFile(join(folder, 'X.csv'), 'utf8')).toBe(formatBars(bars));
    },
  );

  it.each([{ optional: OPTIONAL_COLUMNS }, { optional: [] }])(
    'writes Parquet that another reader understands, to the bit (with $optional)',
    async ({ optional }) => {
      const bars = someBars(2500, optional);
      expect(await write(bars, 'parquet')).toBe(2500);
      const file = await asyncBufferFromFile(join(folder, 'X.parquet'));
      const metadata = await parquetMetadataAsync(file);
      expect(metadata.row_groups).toHaveLength(3);
      const rows = await parquetReadObjects({ file });
      expect(Object.keys(rows[0]!)).toEqual([...['time', 'open', 'high', 'low', 'close', 'volume'], ...optional]);
      const column = (name: string): unknown[] => rows.map((row) => row[name]);
      expect(column('time')).toEqual(Array.from(bars.time, (time) => new Date(time * 1000)));
      for (const name of ['open', 'high', 'low', 'close', 'volume'] as const)
        expect(column(name)).toEqual([...bars[name]]);
      for (const name of optional)
        expect(column(name)).toEqual(
          [...optionalColumn(bars, name)!].map((value) => (Number.isNaN(value) ? null : value)),
        );
    },
  );

  it('writes a file without bars too', async () => {
    for (const format of ['csv', 'csv.gz', 'parquet'] as const) expect(await write(someBars(0, []), format)).toBe(0);
    expect((await readBarFile(join(folder, 'X.csv'))).length).toBe(0);
    expect(await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, 'X.parquet')) })).toEqual([]);
  });

  it('keeps the earlier file when it fails half-way, and leaves no other', async () => {
    async function* failing(): AsyncGenerator<BarColumns> {
      yield* pagesOf(someBars(10, []), 5);
      throw new Error('the store has gone');
    }
    for (const format of ['csv', 'csv.gz', 'parquet'] as const) {
      await writeFile(join(folder, `X.${format}`), 'before');
      const bars = { optional: [], pages: failing() };
      await expect(exportBars(join(folder, `X.${format}`), format, bars)).rejects.toThrow('the store has gone');
      expect(await readFile(join(folder, `X.${format}`), 'utf8')).toBe('before');
    }
    expect((await readdir(folder)).sort()).toEqual(['X.csv', 'X.csv.gz', 'X.parquet']);
  });

  it('reports when it cannot write', async () => {
    for (const format of ['csv', 'parquet'] as const) {
      const bars = { optional: [], pages: pagesOf(someBars(1, []), 1) };
      await expect(exportBars(join(folder, 'no', 'X'), format, bars)).rejects.toMatchObject({
        code: 'OUTPUT_UNWRITABLE',
      });
    }
  });
});
