import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { BIGINT, DOUBLE, NUMBERED, TEXT, optional, table, textOf, type RowOf } from './table.ts';

const BAR_COLUMNS = {
  market: textOf<Market>(),
  symbol: TEXT,
  /** Epoch seconds of the bar open, UTC. */
  time: BIGINT,
  open: DOUBLE,
  high: DOUBLE,
  low: DOUBLE,
  close: DOUBLE,
  /** 0 means unknown. */
  volume: DOUBLE,
  /** Price units; null where unknown. */
  spread: optional(DOUBLE),
  /** The import that added it; null before imports were numbered. */
  import_number: optional(BIGINT),
};

/** One-minute bars; those of `market` simulated never mix with real ones. */
const BARS = table('core.bars', { key: ['market', 'symbol', 'time'], isClustered: true }, BAR_COLUMNS);

/** Auxiliary series with times of their own: funding rate, open interest … */
const SERIES = table(
  'core.series',
  { key: ['market', 'symbol', 'name', 'time'], isClustered: true },
  {
    market: textOf<Market>(),
    symbol: TEXT,
    /** `funding_rate`, `open_interest` … */
    name: TEXT,
    /** Epoch seconds at which the value became known, UTC. */
    time: BIGINT,
    value: DOUBLE,
    /** The import that added it; null before imports were numbered, and where none did. */
    import_number: optional(BIGINT),
  },
);

/** One row for each file that was imported, as often as it was. */
const IMPORTS = table(
  'core.imports',
  { key: ['import_id'] },
  {
    import_id: TEXT,
    market: textOf<Market>(),
    symbol: TEXT,
    /** Absolute path at the time of the import. */
    file: TEXT,
    /** Of the file's bytes. */
    sha256: TEXT,
    layout: TEXT,
    /** Time zone of its timestamps; null for series. */
    timezone: optional(TEXT),
    /** Rows with content, and those that were refused. */
    rows: BIGINT,
    rejected: BIGINT,
    finished_ms: BIGINT,
    /** null before imports were numbered. */
    import_number: optional(BIGINT),
  },
);
export type ImportsTable = RowOf<typeof IMPORTS>;

/**
 * `accept` and `leave_out` change no stored bar: a person decided on the bars that daemons received, to learn from them
 * although they look wrong, or not to learn from those of a period.
 */
export const IMPORT_KINDS = ['import', 'replace', 'delete', 'accept', 'leave_out'] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

/** Numbered changes of the stored bars: imports, and deletions. Each can be undone. */
const IMPORT_RUNS = table(
  'core.import_runs',
  {},
  {
    import_number: NUMBERED,
    market: textOf<Market>(),
    kind: textOf<ImportKind>(),
    /** A path; of a deletion the symbol and the period. */
    source: TEXT,
    /** Who did it: a user of this machine, or of the API. */
    done_by: TEXT,
    began_ms: BIGINT,
    /** null while it runs, and when it was killed. */
    finished_ms: optional(BIGINT),
    added: BIGINT,
    /** Bars that it replaced or deleted. */
    removed: BIGINT,
    rejected: BIGINT,
    /** JSON: `symbols` with their verdicts, and the codes that were `accepted`. */
    verdicts: TEXT,
    undone_ms: optional(BIGINT),
    undone_by: optional(TEXT),
  },
);
export type ImportRunsTable = RowOf<typeof IMPORT_RUNS>;

/** Bars that a numbered change replaced or deleted, until it is undone. */
const REMOVED_BARS = table(
  'core.removed_bars',
  { key: ['removed_by', 'market', 'symbol', 'time'], isClustered: true },
  {
    removed_by: BIGINT,
    ...BAR_COLUMNS,
  },
);

export const BAR_TABLES = [BARS, SERIES, IMPORTS, IMPORT_RUNS, REMOVED_BARS] as const;
