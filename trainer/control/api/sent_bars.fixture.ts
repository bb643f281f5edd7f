import type { Bar, OpenTime } from '../../../shared/bar.ts';
import { openJournal } from '../../../shared/store/journal.ts';

/** Epoch seconds of the first of these bars. */
export const MONDAY = Date.parse('2025-01-06T00:00Z') / 1000;

/** One-minute bars of a symbol around a price as the text of a CSV file. */
export function barFile(price: number, count: number): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const close = (price * (1 + ((i * 7) % 13) * 1e-5)).toFixed(5);
    return `${MONDAY + i * 60},${close},${close},${close},${close},${i + 1}`;
  });
  return ['time,open,high,low,close,volume', ...rows].join('\n');
}

/** Journals one-minute bars of a symbol as a daemon that received them does. @param path of the journal */
export function receiveBars(path: string, symbol: string, count: number): readonly Bar[] {
  const bars = Array.from({ length: count }, (_, i): Bar => {
    const values = { open: 1.25, high: 1.25, low: 1.25, close: 1.25, volume: 1 };
    return { symbol, time: (MONDAY + i * 60) as OpenTime, ...values };
  });
  const journal = openJournal(path);
  journal.append(
    bars.map((bar) => ({ kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: false })),
    [],
  );
  journal.close();
  return bars;
}
