import type { Market } from '../../shared/bar_file/bar_sink.ts';

/** Bars of one minute each; what `market` is simulated never mixes with what is real. */
export interface BarsTable {
  market: Market;
  symbol: string;
  /** Epoch seconds of the bar open, UTC. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** 0 means unknown. */
  volume: number;
  /** Price units; null where unknown. */
  spread: number | null;
}

/** Numbers beside the bars that come at times of their own: funding rate, open interest … */
export interface SeriesTable {
  market: Market;
  symbol: string;
  /** `funding_rate`, `open_interest` … */
  name: string;
  /** Epoch seconds from which on the value was known, UTC. */
  time: number;
  value: number;
}

/** One row for each file that was imported, as often as it was. */
export interface ImportsTable {
  import_id: string;
  market: Market;
  symbol: string;
  /** Absolute path at that time. */
  file: string;
  /** Of the file's bytes. */
  sha256: string;
  layout: string;
  /** The clock its stamps were read on; null for series. */
  timezone: string | null;
  /** Rows with content, and those of them that could not be taken. */
  rows: number;
  rejected: number;
  finished_ms: number;
}

export interface MigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}

/** Every table by the name it has in a query: `schema.table`. On SQLite, which has no schemas, it is called `schema_table`. */
export interface Tables {
  'core.bars': BarsTable;
  'core.series': SeriesTable;
  'core.imports': ImportsTable;
  'core.migrations': MigrationsTable;
}
