import type { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './schema/schema.ts';

/** A cell of a result: tables that are read in bulk have only numbers and nulls. */
export type Cell = number | null;

/**
 * Rows to be added in bulk: columns with one value for all rows, and columns of numbers (NaN is stored as null).
 */
export interface BulkRows {
  readonly table: 'core.bars' | 'core.series';
  readonly constants: Readonly<Record<string, string | number>>;
  /** `time` is stored as a whole number. Arrays of `length` elements. */
  readonly columns: Readonly<Record<string, Float64Array>>;
  readonly length: number;
}

/** Database-specific operations. Queries are Kysely's, written once. */
export interface Engine {
  readonly kind: 'sqlite' | 'postgres';
  /** A file, or a URL without its password. */
  readonly place: string;
  readonly db: Kysely<Tables>;
  /** One transaction. On SQLite it waits for its turn to write without blocking this process. */
  transaction<Result>(work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  /** One transaction, exclusive over all processes and connections. */
  alone(work: (db: Kysely<Tables>) => Promise<void>): Promise<void>;
  /** Adds rows with new keys, all or none of them. @returns the number of added rows */
  insert(rows: BulkRows): Promise<number>;
  /** The rows of a query as arrays, much faster than as objects. */
  rows(query: CompiledQuery): Promise<readonly (readonly Cell[])[]>;
  close(): Promise<void>;
}
