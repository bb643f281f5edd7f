import { randomUUID } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { Kysely } from 'kysely';
import type { ImportedFile, Market } from '../../shared/bar_file/bar_sink.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { knownError, MinutehandError } from '../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import type { Clock } from '../../shared/ports.ts';
import { openBarStore, type BarStore } from './bars.ts';
import type { Engine } from './engine.ts';
import { openImportRuns, type ImportRuns } from './import_runs.ts';
import { migrate, STORE_SCHEMA, tablesVersion, type TablesVersion } from './migrations.ts';
import { maskSecretsIn } from '../../shared/secrets.ts';
import { openPostgres } from './postgres.ts';
import { openSeriesStore, type SeriesStore } from './series.ts';
import { openSqlite } from './sqlite.ts';
import { unusable } from './store_unusable.ts';
import type { ImportsTable } from './schema/bars.ts';
import type { Tables } from './schema/schema.ts';
import { isThere } from '../../shared/files.ts';

/** The trainer's storage: bars, auxiliary series, imports. The same on SQLite and PostgreSQL. */
export interface Store {
  readonly kind: 'sqlite' | 'postgres';
  /** A file, or a URL without its password. */
  readonly place: string;
  /** File outside the database with the hash of each audit entry (audit_anchors.ts); null: in memory. */
  readonly auditAnchors: string | null;
  readonly bars: BarStore;
  readonly series: SeriesStore;
  readonly imports: {
    add(market: Market, file: ImportedFile, importNumber?: number): Promise<void>;
    /** Newest first. */
    list(market: Market): Promise<readonly ImportsTable[]>;
  };
  /** Numbered changes of the bars, which can be undone. */
  readonly importRuns: ImportRuns;
  /** For queries of other tables: Kysely's, with tables named `schema.table`. */
  readonly db: Kysely<Tables>;
  /** One transaction: all changes through the given `db`, or none. */
  transaction<Result>(work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** The URL of a store in memory. */
export const IN_MEMORY = ':memory:';

/** The URL of the store: `MINUTEHAND_DATABASE_URL`, else the SQLite file of this home. */
export function storeUrl(env: NodeJS.ProcessEnv, paths: HomePaths): string {
  const url = env['MINUTEHAND_DATABASE_URL'];
  return url === undefined || url === '' ? paths.trainer : url;
}

/** As storeUrl, for readers; null when its SQLite file is not there. A configured PostgreSQL counts as present. */
export function storeUrlIfThere(env: NodeJS.ProcessEnv, paths: HomePaths): string | null {
  const url = storeUrl(env, paths);
  return url === paths.trainer && !isThere(url) ? null : url;
}

/**
 * The store of this home as openStore opens it, for readers: a missing file is not created, since it would be empty.
 * @returns null when there is none, as storeUrlIfThere
 * @throws MinutehandError as openStore
 */
export async function openStoreIfThere(env: NodeJS.ProcessEnv, paths: HomePaths): Promise<Store | null> {
  const url = storeUrlIfThere(env, paths);
  return url === null ? null : openStore(url);
}

/**
 * Opens the store and upgrades its tables to the newest version, also when several processes do so at once.
 * @param url `postgres://user:password@host:port/database`, or the path of an SQLite file, which is created where it is
 * absent
 * @throws MinutehandError STORE_UNUSABLE when it cannot be opened; STORE_VERSION when it was written by a newer
 * minutehand, or a build that was never released
 */
export async function openStore(url: string, clock: Clock = MACHINE_CLOCK, schema = STORE_SCHEMA): Promise<Store> {
  const engine = await openEngine(url);
  try {
    await migrate(engine, clock.nowMs(), schema);
  } catch (error) {
    await engine.close();
    throw unusable(engine.place, error);
  }
  const { kind, place, db } = engine;
  return {
    kind,
    place,
    auditAnchors:
      url === IN_MEMORY ? null : auditAnchorsOf(kind === 'sqlite' ? dirname(resolve(url)) : homePaths().home),
    db,
    bars: openBarStore(engine),
    series: openSeriesStore(engine),
    imports: {
      async add(market, { symbol, file, sha256, layout, timezone, rows, rejected }, importNumber) {
        const row = { import_id: randomUUID(), market, symbol, file, sha256, layout, timezone, rows, rejected };
        await db
          .insertInto('core.imports')
          .values({ ...row, finished_ms: clock.nowMs(), import_number: importNumber ?? null })
          .execute();
      },
      list: (market) =>
        db
          .selectFrom('core.imports')
          .selectAll()
          .where('market', '=', market)
          .orderBy('finished_ms', 'desc')
          .orderBy('file')
          .execute(),
    },
    importRuns: openImportRuns(engine, clock),
    transaction: (work) => engine.transaction(work),
    close: () => engine.close(),
  };
}

const auditAnchorsOf = (folder: string): string => join(folder, 'audit_anchors.jsonl');

/**
 * The versions of the tables of a store. Unlike `openStore` it changes nothing: a store that a running trainer of
 * another version uses stays as it is.
 * @returns null when there is no store yet
 * @throws MinutehandError as `openStore`
 */
export async function lookAtTables(
  url: string,
  schema = STORE_SCHEMA,
): Promise<(TablesVersion & Pick<Store, 'kind' | 'place'>) | null> {
  if (!isPostgresUrl(url) && !isThere(url)) return null;
  const engine = await openEngine(url);
  const { kind, place } = engine;
  try {
    return { kind, place, ...(await tablesVersion(engine, schema)) };
  } catch (error) {
    throw unusable(place, error);
  } finally {
    await engine.close();
  }
}

/**
 * Refuses a store of other tables. Nothing is changed. One that cannot be opened is not refused: a trainer goes on
 * without its store until it is back.
 * @throws MinutehandError STORE_VERSION
 */
export async function refuseOtherTables(url: string): Promise<void> {
  await lookAtTables(url).catch((error: unknown) => {
    if (knownError(error)?.code === 'STORE_VERSION') throw error;
  });
}

async function openEngine(url: string): Promise<Engine> {
  const isPostgres = isPostgresUrl(url);
  if (!isPostgres && /^\w{2,}:\/\//.test(url))
    throw new MinutehandError('STORE_UNUSABLE', {
      seen: `a URL that begins with ${url.slice(0, url.indexOf('://') + 3)}`,
      expected: 'postgres://… or the path of a file',
    });
  try {
    return isPostgres ? await openPostgres(url) : await openSqlite(url === IN_MEMORY ? url : resolve(url));
  } catch (error) {
    throw storeUnusable(url, error);
  }
}

/** STORE_UNUSABLE with the place, without a password, and the reason. @param url as of openStore */
export function storeUnusable(url: string, cause: unknown): MinutehandError {
  return unusable(isPostgresUrl(url) ? maskSecretsIn(url) : url, cause);
}

const isPostgresUrl = (url: string): boolean => /^postgres(ql)?:\/\//.test(url);
