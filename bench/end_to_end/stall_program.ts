/** Locks a SQLite file against writers repeatedly, like a stalling disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../shared/store/sqlite.ts';

const { path, heldMs, everyMs } = JSON.parse(process.argv[2]!) as Record<'heldMs' | 'everyMs', number> & {
  readonly path: string;
};
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());

const db = new Database(path, { timeout: 1000 });
for (;;) {
  db.exec('BEGIN IMMEDIATE');
  await sleep(heldMs);
  db.exec('ROLLBACK');
  await sleep(everyMs - heldMs);
}
