import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { BIGINT, DOUBLE, FLOATS, TEXT, optional, table, textOf } from './table.ts';

/** Features of a schema. */
const FEATURE_SCHEMAS = table(
  'core.feature_schemas',
  { key: ['schema_hash'] },
  {
    schema_hash: TEXT,
    /** JSON array of name, formula, window and ddof, in the order of the values. */
    definitions: TEXT,
  },
);

/** One row per pair and bar. The view `core.features_named` has the columns of the schema written last. */
const FEATURES = table(
  'core.features',
  { key: ['market', 'pair_id', 'schema_hash', 'time'], isClustered: true },
  {
    market: textOf<Market>(),
    pair_id: TEXT,
    schema_hash: TEXT,
    /** Epoch seconds of the bar open. */
    time: BIGINT,
    /** float32: `real[]` on PostgreSQL, a JSON array on SQLite. */
    features: FLOATS,
  },
);

/** One row per pair and bar; null where the bar has no such label. The columns are those of LABEL_COLUMNS. */
const LABELS = table(
  'core.labels',
  { key: ['market', 'pair_id', 'label_hash', 'time'], isClustered: true },
  {
    market: textOf<Market>(),
    pair_id: TEXT,
    label_hash: TEXT,
    time: BIGINT,
    ai1: optional(DOUBLE),
    ai1_end: optional(BIGINT),
    ai2_drawdown: optional(DOUBLE),
    ai2_volatility: optional(DOUBLE),
    ai2_correlation: optional(DOUBLE),
    ai2_end: optional(BIGINT),
    ai3: optional(DOUBLE),
    ai3_end: optional(BIGINT),
  },
);

export const FEATURE_TABLES = [FEATURE_SCHEMAS, FEATURES, LABELS] as const;
