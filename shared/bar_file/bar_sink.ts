import type { MarketKind } from '../signal/signal.ts';
import type { BarColumns } from './bar_file.ts';
import type { ConflictingRow } from './bar_merge.ts';
import type { SampledCloses } from './verdict/bar_inspection.ts';

/** Bars of a simulated market are kept separate from real ones. */
export type Market = MarketKind;

/** Outcome of added rows; the first copy of a minute stays. */
export interface PutCounts {
  readonly added: number;
  /** There already, with the same numbers. */
  readonly duplicates: number;
  /** There already, with other numbers. */
  readonly conflicts: number;
  /** Of the conflicts: replaced by the new numbers. Absent where nothing is replaced. */
  readonly replaced?: number;
  /** Opens of the first and the last of those, epoch seconds; absent without one. */
  readonly replaced_period?: readonly [first: number, last: number];
}

/** State of a symbol after an import. */
export interface SunkBars extends PutCounts {
  /** The first 20. */
  readonly conflicting: readonly ConflictingRow[];
  /** The file, or the store, that holds the symbol now. */
  readonly place: string;
  /** All bars of the symbol, ascending, a page at a time. */
  pages(): AsyncIterable<BarColumns>;
}

/** Takes the bars of one symbol. */
export interface SymbolSink {
  /** Seconds of the bars that are there; null where they are too few to show it. */
  barSeconds(): Promise<number | null>;
  /** Some bars that are there with `from` <= time < `to`, epoch seconds; null without one. */
  near(from: number, to: number): Promise<BarColumns | null>;
  /** Rows in the order of the source: not sorted, minutes may repeat. */
  put(rows: BarColumns): Promise<void>;
  finish(): Promise<SunkBars>;
}

/** A file with all rows added. */
export interface ImportedFile {
  readonly symbol: string;
  readonly file: string;
  readonly sha256: string;
  readonly layout: string;
  readonly timezone: string | null;
  /** Rows with content, and those of them that could not be taken. */
  readonly rows: number;
  readonly rejected: number;
}

/** Destination of imported bars: a folder of bar files, or the store. */
export interface BarSink {
  open(symbol: string): SymbolSink;
  /** Symbols that have bars there. */
  symbols(): Promise<readonly string[]>;
  /**
   * Takes values of one auxiliary series: epoch seconds, in the order of the source. null where there is no place for
   * them.
   */
  readonly putSeries:
    | ((symbol: string, name: string, time: Float64Array, value: Float64Array) => Promise<PutCounts>)
    | null;
  /** Called for each file when its rows are in. */
  imported(file: ImportedFile): Promise<void>;
  /** Closes of the symbol and of others that are there, in a period around the given times, for comparison. */
  known(
    symbol: string,
    period: { readonly from: number; readonly to: number },
    bucketSeconds: number,
  ): Promise<readonly SampledCloses[]>;
  /** The number under which the import can be undone; null in a folder, or where nothing came in. */
  readonly importNumber: number | null;
  /** Called when all is in, with what a person should know of it. */
  finished(summary: ImportSummary): Promise<void>;
}

/** Kept beside the number of an import. */
export interface ImportSummary {
  readonly source: string;
  /** JSON: verdicts by symbol, and codes that were accepted. */
  readonly verdicts: string;
  readonly added: number;
  readonly replaced: number;
  readonly rejected: number;
}
