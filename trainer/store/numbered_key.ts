import type { CreateTableBuilder } from 'kysely';
import type { Engine } from './engine.ts';

/** An ascending key that is never reused. */
export function withNumberedKey<Table extends string>(
  table: CreateTableBuilder<Table>,
  key: string,
  kind: Engine['kind'],
): CreateTableBuilder<Table, string> {
  return kind === 'sqlite'
    ? table.addColumn(key, 'integer', (column) => column.primaryKey().autoIncrement())
    : table.addColumn(key, 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity());
}
