import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { BIGINT, INTEGER, TEXT, optional, table, textOf, type RowOf } from './table.ts';

/** Copy position of the signals of each journal in the history. */
const SIGNAL_COPIES = table(
  'core.signal_copies',
  { key: ['journal', 'history_table'] },
  {
    /** Machine and absolute path of the journal. */
    journal: TEXT,
    history_table: TEXT,
    /** The last row that was copied. */
    signal_row: BIGINT,
    /** Identifies its content; differs for another journal at this path. */
    fingerprint: TEXT,
    /** The newest copied time of publication. */
    generated_at_ms: BIGINT,
  },
);

/** State of the signals of each UTC day with publications. */
const SIGNAL_DAYS = table(
  'core.signal_days',
  { key: ['history_table', 'market', 'day'] },
  {
    history_table: TEXT,
    market: TEXT,
    /** `2026-11-20` */
    day: TEXT,
    /** Rows ever copied from journals. */
    added: BIGINT,
    /** Value of `added` when the archive was last verified to hold all of them. */
    archived: BIGINT,
    /** Time at which its rows were deleted from the history. */
    pruned_ms: optional(BIGINT),
    /** Time of the last restoration from the archive. */
    restored_ms: optional(BIGINT),
  },
);
export type SignalDaysTable = RowOf<typeof SIGNAL_DAYS>;

/** Parts of the archive that were written or found. */
const SIGNAL_ARCHIVES = table(
  'core.signal_archives',
  { key: ['place', 'market', 'day', 'part'] },
  {
    /** Kind and path of the archive. */
    place: TEXT,
    market: TEXT,
    day: TEXT,
    /** 1; higher for rows that were copied after the day was archived. */
    part: INTEGER,
    rows: BIGINT,
    bytes: BIGINT,
    /** Of the lines; of the file. */
    content_bytes: BIGINT,
    sha256: TEXT,
    archived_ms: BIGINT,
  },
);

/** Last result of `minutehand parity` for each UTC day of a shard. */
const PARITY_RESULTS = table(
  'core.parity_results',
  { key: ['market', 'shard', 'day'] },
  {
    market: textOf<Market>(),
    shard: TEXT,
    day: TEXT,
    /** EQUAL, EXPLAINED or MISMATCH. */
    verdict: TEXT,
    signals: BIGINT,
    /** Signals that the replay reproduced byte for byte. */
    equal_signals: BIGINT,
    mismatches: BIGINT,
    certified_ms: BIGINT,
  },
);

export const SIGNAL_TABLES = [SIGNAL_COPIES, SIGNAL_DAYS, SIGNAL_ARCHIVES, PARITY_RESULTS] as const;
