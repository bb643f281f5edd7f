import { sql } from 'kysely';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { lockHomeSoon } from '../../../shared/process/home_lock.ts';
import type { Store } from '../../store/store.ts';

/** Advisory lock id on the database server; any unused number. */
const SERVER_LOCK = 7_400_402;

/**
 * Archives exclusively: no other process of this home, or on any machine with the same PostgreSQL server, archives
 * meanwhile. The locks end with the process.
 * @throws MinutehandError ARCHIVE_RUNNING if another process is archiving
 */
export async function archiveAlone<Result>(
  store: Store,
  paths: Pick<HomePaths, 'lock'>,
  work: () => Promise<Result>,
): Promise<Result> {
  const unlock = await lock(paths.lock('archive'));
  try {
    return store.kind === 'sqlite' ? await work() : await aloneOnServer(store, work);
  } finally {
    unlock();
  }
}

async function lock(path: string): Promise<() => void> {
  try {
    return await lockHomeSoon(path);
  } catch (cause) {
    if (cause instanceof MinutehandError && cause.code === 'HOME_LOCKED')
      throw new MinutehandError('ARCHIVE_RUNNING', { seen: path, cause });
    throw cause;
  }
}

function aloneOnServer<Result>(store: Store, work: () => Promise<Result>): Promise<Result> {
  return store.db.connection().execute(async (connection) => {
    const asked = await sql<{ ok: boolean }>`SELECT pg_try_advisory_lock(${sql.lit(SERVER_LOCK)}) AS ok`.execute(
      connection,
    );
    if (asked.rows[0]?.ok !== true) throw new MinutehandError('ARCHIVE_RUNNING', { seen: store.place });
    try {
      return await work();
    } finally {
      await sql`SELECT pg_advisory_unlock(${sql.lit(SERVER_LOCK)})`.execute(connection);
    }
  });
}
