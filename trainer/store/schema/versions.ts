import { BIGINT, INTEGER, TEXT, optional, table, type RowOf } from './table.ts';

/** Versions of the schema that this store has had, or would have had before it was created. */
const MIGRATIONS = table(
  'core.migrations',
  { key: ['version'] },
  {
    version: INTEGER,
    name: TEXT,
    applied_ms: BIGINT,
    /** 1 = programs that do not know this version may use the tables; null = they must not. */
    is_additive: optional(INTEGER),
    /** Of the schema (SCHEMA_FINGERPRINT). Builds before the first release had versions without one. */
    fingerprint: TEXT,
  },
);
export type MigrationsTable = RowOf<typeof MIGRATIONS>;

export const VERSION_TABLES = [MIGRATIONS] as const;
