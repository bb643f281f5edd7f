import type { BarSink, PutCounts } from '../../shared/bar_file/bar_sink.ts';
import type { BarLayout } from './bar_layout.ts';

/** One series of one file. */
export interface SeriesReport extends PutCounts {
  readonly symbol: string;
  readonly name: string;
  readonly file: string;
  readonly read: number;
  readonly rejected_count: number;
  /** How its numbers were read, where that may not be as they were meant. */
  readonly read_by?: readonly string[];
  /** Other columns of numbers of the file, which were not asked for. */
  readonly left_out?: readonly string[];
  /** Columns beside bars, of which a row may have none: unlike a value of a series of its own, it is not missed. */
  readonly is_beside_bars?: true;
}

/** The values of columns beside the bars; a value is known when its bar closes. */
export function createBarValues(layout: BarLayout, barSeconds: number, putSeries: BarSink['putSeries']) {
  const isKept = putSeries !== null && layout.values.length > 0;
  const time: number[] = [];
  const values: number[][] = layout.values.map(() => []);
  return {
    summary: () => ({ series: isKept ? layout.values : [], series_left_out: isKept ? [] : layout.values }),
    add(open: number, row: readonly number[]): void {
      if (!isKept) return;
      time.push(open + barSeconds);
      row.forEach((value, column) => values[column]!.push(value));
    },
    async handOver(symbol: string, file: string): Promise<SeriesReport[]> {
      if (putSeries === null) return [];
      const reports: SeriesReport[] = [];
      for (const [column, name] of layout.values.entries()) {
        const good = [...time.keys()].filter((i) => values[column]![i]! >= 0 && values[column]![i]! < Infinity);
        const times = good.map((i) => time[i]!);
        const kept = good.map((i) => values[column]![i]!);
        const counts = await putSeries(symbol, name, Float64Array.from(times), Float64Array.from(kept));
        const rejected_count = time.length - good.length;
        reports.push({ symbol, name, file, read: time.length, rejected_count, is_beside_bars: true, ...counts });
      }
      return reports;
    },
  };
}
