import { sql } from 'kysely';
import { databaseInUse } from '../../shared/dependencies/database.ts';
import { folderInUse, readableFiles } from '../../shared/dependencies/files.ts';
import { bundlesInUse, type BundleInUse } from '../../shared/dependencies/models.ts';
import type { DependencyCheck, DependencyChecks } from '../../shared/dependencies/watch.ts';
import { keepReserve } from '../../shared/disk_reserve.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { followerFaults, refuseFollowerFaults } from '../../shared/fill/followers.ts';
import { removeForeignLinks } from '../../shared/foreign_links.ts';
import type { HomePaths } from '../../shared/home.ts';
import { barIntervalMs, configPaths, type Settings } from '../../shared/policy/policy.ts';
import { openStore, storeUnusable, storeUrl, type Store } from '../store/store.ts';
import type { FillsLink } from './fills/fills_link.ts';
import type { FleetLook } from './fleet/fleet_look.ts';
import { namedBundles } from './admission/standing.ts';

export interface TrainerDependencies {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the store. */
  readonly env: NodeJS.ProcessEnv;
  readonly fillsLink: FillsLink;
  readonly fleet: FleetLook;
}

export interface TrainerChecks {
  readonly checks: DependencyChecks;
  /** Ends the connections to the store and to the queue. */
  close(): Promise<void>;
}

/** The checks of a trainer; see shared/dependencies/table.ts. */
export function trainerChecks({ settings, paths, env, fillsLink, fleet }: TrainerDependencies): TrainerChecks {
  const url = storeUrl(env, paths);
  const store = new StoreLink(url);
  return {
    checks: {
      store: url === paths.trainer ? databaseInUse(url, store.answers) : store.answers,
      models_folder: withReserve(paths.models, modelsFolder(paths.models)),
      home_folder: withReserve(paths.home, folderInUse(paths.home)),
      log_folder: folderInUse(paths.log, { mayBeAbsent: true }),
      exchange_folder: fillsFolder(paths.ea),
      followers: () => refuseFollowerFaults(followerFaults(paths, barIntervalMs(settings), Date.now())),
      config_folder: readableFiles(configPaths(settings.sources.configDir)),
      ...(settings.minutehand.transports.redis.enabled !== 'off' && { redis_link: fillsLink.check }),
      ...(fleet.isUsed && { fleet: () => fleet.check() }),
    },
    async close() {
      await store.close();
      await fleet.close();
    },
  };
}

/** The reserve for a full disk is made while there is room. */
function withReserve(path: string, check: DependencyCheck): DependencyCheck {
  return async () => {
    await check();
    keepReserve(path);
  };
}

/** Terminals write there: what one of them links is no folder of fills. */
function fillsFolder(path: string): DependencyCheck {
  const folder = folderInUse(path, { mayBeRemade: true, mayBeAbsent: true });
  return async () => {
    const links = removeForeignLinks(path);
    await folder();
    if (links.length > 0) throw new MinutehandError('EXCHANGE_LINK', { seen: links.join(', ') });
  };
}

/** Its disk also has to take the next bundle. */
function modelsFolder(path: string): DependencyCheck {
  const bundles = bundlesInUse(knownBundles(path));
  const folder = folderInUse(path, { mayBeRemade: true, mayBeAbsent: true });
  return async () => {
    await bundles();
    await folder();
  };
}

/** Bundles that pointers name, or named until they vanished. A rollout ends without its pointer. */
function knownBundles(modelsFolder: string): () => readonly BundleInUse[] {
  const known = new Map<string, BundleInUse>();
  return () => {
    const named = namedBundles(modelsFolder);
    for (const bundle of named) if (bundle.role !== 'challenger') known.set(bundle.slot, bundle);
    return [...known.values(), ...named.filter(({ role }) => role === 'challenger')];
  };
}

/** A connection to the store for the checks alone. */
class StoreLink {
  readonly #url: string;
  #store: Store | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws MinutehandError STORE_UNUSABLE, DATABASE_DAMAGED */
  readonly answers: DependencyCheck = async () => {
    this.#store ??= await openStore(this.#url);
    try {
      // Of a table: an SQLite file is not read for a number.
      await sql`SELECT count(*) FROM ${sql.table('core.migrations')}`.execute(this.#store.db);
    } catch (error) {
      await this.close();
      throw storeUnusable(this.#url, error);
    }
  };

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = null;
    await store?.close().catch(() => undefined);
  }
}
