import type { FeatureDefinition } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';

/**
 * Labels of a bar: AI1's training label, the three parts of AI2's, AI3's; each with the open time, in epoch seconds, of
 * the bar at which it was known. NaN where a bar lacks the label.
 */
export const LABEL_COLUMNS = [
  'ai1',
  'ai1_end',
  'ai2_drawdown',
  'ai2_volatility',
  'ai2_correlation',
  'ai2_end',
  'ai3',
  'ai3_end',
] as const;
export type LabelColumn = (typeof LABEL_COLUMNS)[number];

/** Identity of a feature: columns of the same name with different formula, window or ddof differ. */
export interface ColumnIdentity {
  readonly name: string;
  readonly formula?: string;
  readonly window?: number | null;
  readonly ddof?: number | null;
}

/** Rows of one pair, one per bar, ascending in time without duplicates. */
export interface TableRows {
  readonly length: number;
  /** Bar opens in epoch seconds. */
  readonly time: Float64Array;
  /** [length, columns] in the order of the definitions; NaN = missing. */
  readonly features: Float32Array;
  /** null in a table of features only. */
  readonly labels: Readonly<Record<LabelColumn, Float64Array>> | null;
}

/** External features and labels: from the store, a file, or a database table. */
export interface FeatureSource {
  /** Name for messages, without a password. */
  readonly place: string;
  /** Available feature columns. */
  readonly columns: readonly ColumnIdentity[];
  /** The rows of a pair; null when there are none. */
  rows(pairId: string): Promise<TableRows | null>;
  /** Time of the newest row of a pair, without reading the others; null when there are none. */
  newest(pairId: string): Promise<number | null>;
  close(): Promise<void>;
}

/** A feature of pairs or of instruments. */
export type DefinedColumn = Pick<FeatureDefinition, 'name' | 'formula' | 'window' | 'ddof'>;

export function identitiesOf(definitions: readonly DefinedColumn[]): ColumnIdentity[] {
  return definitions.map(({ name, formula, window, ddof }) => ({ name, formula, window, ddof }) as ColumnIdentity);
}

export interface SchemaDiff {
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** Columns with the same name but different parameters, with the differences. */
  readonly changed: readonly { readonly name: string; readonly text: string }[];
}

/** Differences between a table's columns and the expected features. A table with names only is compared by name. */
export function schemaDiff(expected: readonly ColumnIdentity[], found: readonly ColumnIdentity[]): SchemaDiff {
  const there = new Map(found.map((column) => [column.name, column]));
  const wanted = new Set(expected.map(({ name }) => name));
  const changed = expected.flatMap((column) => {
    const own = there.get(column.name);
    if (own === undefined) return [];
    const parts = (['formula', 'window', 'ddof'] as const).filter(
      (part) => own[part] !== undefined && JSON.stringify(own[part]) !== JSON.stringify(column[part]),
    );
    if (parts.length === 0) return [];
    const text = parts.map((part) => `${part} ${shown(own[part])} instead of ${shown(column[part])}`).join(', ');
    return [{ name: column.name, text }];
  });
  return {
    missing: expected.filter(({ name }) => !there.has(name)).map(({ name }) => name),
    extra: found.filter(({ name }) => !wanted.has(name)).map(({ name }) => name),
    changed,
  };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** @throws MinutehandError TABLE_SCHEMA that names each missing, extra or re-parametrized column */
export function checkSchema(source: FeatureSource, definitions: readonly FeatureDefinition[]): void {
  const { missing, extra, changed } = schemaDiff(identitiesOf(definitions), source.columns);
  if (missing.length + extra.length + changed.length === 0) return;
  const parts = [
    ...missing.map((name) => `missing ${name}`),
    ...extra.map((name) => `extra ${name}`),
    ...changed.map(({ name, text }) => `re-parametrized ${name} (${text})`),
  ];
  throw new MinutehandError('TABLE_SCHEMA', { seen: `${source.place}: ${parts.join('; ')}` });
}
