import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isReservedTable } from '../../shared/policy/reserved_tables.ts';
import { IN_MEMORY, openStore } from './store.ts';

describe('a table that a policy names', () => {
  it('is never a table, a view or an index of the store', async () => {
    const store = await openStore(IN_MEMORY);
    try {
      const { rows } = await sql<{
        name: string;
      }>`SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name`.execute(store.db);
      expect(rows.length).toBeGreaterThan(20);
      const open: string[] = [];
      // In SQLite a name may be divided into schema and table at each of its underscores.
      for (const { name } of rows) {
        for (let at = name.indexOf('_'); at > 0 && at < name.length - 1; at = name.indexOf('_', at + 1)) {
          const table = `${name.slice(0, at)}.${name.slice(at + 1)}`;
          if (!isReservedTable(table)) open.push(table);
        }
      }
      expect(open).toEqual([]);
    } finally {
      await store.close();
    }
  });

  it('is neither one of the database itself', () => {
    for (const table of [
      'core.bars_pkey',
      'pg_catalog.pg_class',
      'information_schema.tables',
      'sqlite_master.x',
      'sqlite.schema',
    ])
      expect([table, isReservedTable(table)]).toEqual([table, true]);
    for (const table of ['audit.retrain_runs', 'core.signals_live', 'core.signals_history', 'public.runs'])
      expect([table, isReservedTable(table)]).toEqual([table, false]);
  });
});
