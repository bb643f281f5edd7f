import { basename, dirname } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import type { Engine } from './engine.ts';
import { createSchema, SCHEMA_FINGERPRINT, type Tables } from './schema/schema.ts';
import type { MigrationsTable } from './schema/versions.ts';

/** A change of the schema since a release. */
export interface Migration {
  readonly name: string;
  /** Fingerprint of the schema of the release before it. */
  readonly from: string;
  /**
   * Programs that do not know this entry go on with the tables: it adds only tables, indexes, and columns that such
   * programs may leave out. Absent = they are refused. A rollback of the program then needs no backup.
   */
  readonly isAdditive?: true;
  readonly up: (db: Kysely<Tables>, engine: Engine) => Promise<void>;
}

/** What a store has to have, and how an earlier release's comes to have it. */
export interface StoreSchema {
  readonly create: (db: Kysely<Tables>, kind: Engine['kind']) => Promise<void>;
  readonly fingerprint: string;
  /** Version 1 is the first release, version n + 1 the n-th entry. Released entries never change. */
  readonly migrations: readonly Migration[];
}

/**
 * The tables are declared once, as they are today (schema/). Until the first release they change in place, as version
 * 1; from then on a change of them comes with a migration, with the fingerprint of the release before it. A store of
 * another fingerprint is refused: it would fail at its first missing column. (Kysely's own Migrator is not used: it
 * refuses stores with a migration that it does not know, which `isAdditive` allows, has two tables of its own in a
 * schema in which the role may create none, and begins transactions of SQLite that cannot wait for a writer.)
 */
export const STORE_SCHEMA: StoreSchema = { create: createSchema, fingerprint: SCHEMA_FINGERPRINT, migrations: [] };

const FIRST = 'first release';

/**
 * Creates the tables, or upgrades them to the newest version. Of several processes that open the store at once, one
 * does it and the others wait; a process killed meanwhile leaves the store as it was.
 * @throws MinutehandError STORE_VERSION for a store of a build that was never released, or of a newer minutehand that
 * changed more than additions: it stays as it is
 */
export async function migrate(engine: Engine, nowMs: number, schema: StoreSchema): Promise<void> {
  const own = ownVersion(schema);
  if (appliedVersion(await versionsOf(engine, schema)) >= own) return;
  await engine.alone(async (db) => {
    const versions = await versionsOf({ ...engine, db }, schema);
    if (versions.length === 0) await schema.create(db, engine.kind);
    for (let version = appliedVersion(versions) + 1; version <= own; version++) {
      const migration = schema.migrations[version - 2];
      if (versions.length > 0) await migration?.up(db, engine);
      const row = { version, name: migration?.name ?? FIRST, is_additive: migration?.isAdditive === true ? 1 : null };
      const fingerprint = fingerprintOf(version, schema);
      await db
        .insertInto('core.migrations')
        .values({ ...row, fingerprint, applied_ms: nowMs })
        .execute();
    }
  });
}

/** Versions of the tables. */
export interface TablesVersion {
  /** Of the store. */
  readonly applied: number;
  /** That this program knows and makes. Below `applied` where later changes are additive. */
  readonly own: number;
  /** Names of the changes that this program would make, in order. */
  readonly pending: readonly string[];
  /** An earlier program could go on after all of them. */
  readonly pendingIsAdditive: boolean;
}

/** Changes nothing. @throws MinutehandError as `migrate`; errors of the database */
export async function tablesVersion(engine: Engine, schema: StoreSchema): Promise<TablesVersion> {
  const applied = appliedVersion(await versionsOf(engine, schema));
  const pending = applied === 0 ? [] : schema.migrations.slice(applied - 1);
  return {
    applied,
    own: ownVersion(schema),
    pending: pending.map(({ name }) => name),
    pendingIsAdditive: pending.every(({ isAdditive }) => isAdditive === true),
  };
}

const ownVersion = ({ migrations }: StoreSchema): number => migrations.length + 1;
const appliedVersion = (versions: readonly MigrationsTable[]): number => versions.at(-1)?.version ?? 0;
/** Of this program's schema when it had that version. */
const fingerprintOf = (version: number, { migrations, fingerprint }: StoreSchema): string =>
  migrations[version - 1]?.from ?? fingerprint;

/** Versions of a store that this program can use or upgrade; none where there are no tables yet. */
async function versionsOf({ db, kind, place }: Engine, schema: StoreSchema): Promise<MigrationsTable[]> {
  if (!(await hasVersions(db, kind))) return [];
  const versions = await db.selectFrom('core.migrations').selectAll().orderBy('version').execute();
  const applied = appliedVersion(versions);
  const own = ownVersion(schema);
  const known = Math.min(applied, own);
  const found = versions.find(({ version }) => version === known);
  if (found?.fingerprint !== fingerprintOf(known, schema)) throw unreleased(place, kind);
  const needed = versions.findLast(({ is_additive }) => is_additive === null)?.version ?? 0;
  if (needed > own)
    throw new MinutehandError('STORE_VERSION', {
      seen: `${place} has version ${applied} of the tables, for programs that know version ${needed}`,
      expected: `tables for programs that know version ${own}, as this minutehand does`,
      next: 'Use the newer minutehand that wrote it, or restore the backup from before its first start.',
    });
  return versions;
}

/** A scan: PostgreSQL's to_regclass answers from a cache, which may not know yet what another process has committed. */
async function hasVersions(db: Kysely<Tables>, kind: Engine['kind']): Promise<boolean> {
  const looked =
    kind === 'sqlite'
      ? sql`SELECT 1 FROM sqlite_master WHERE name = 'core_migrations'`
      : sql`SELECT 1 FROM pg_tables WHERE schemaname = 'core' AND tablename = 'migrations'`;
  return (await looked.execute(db)).rows.length > 0;
}

function unreleased(place: string, kind: Engine['kind']): MinutehandError {
  const aside =
    kind === 'sqlite'
      ? `move ${basename(place)}, its -wal and -shm, and audit_anchors.jsonl out of ${dirname(place)}`
      : 'have MINUTEHAND_DATABASE_URL name an empty database, and move audit_anchors.jsonl out of the home';
  return new MinutehandError('STORE_VERSION', {
    seen: `${place} is of a build that was never released`,
    next: `Stop minutehand and ${aside}; the next start makes a store and registers the models, \`minutehand bars import\` imports files again: docs/guides/OPERATE.md#a-store-of-an-unreleased-build.`,
  });
}
