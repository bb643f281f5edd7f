import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { createPasses } from '../schedule/passes.ts';
import { STORE_RETRY_MS, type StoreWork, type StoreWorkOptions } from '../schedule/store_work.ts';
import { registryOf } from '../registry/registry.ts';
import { removeLeftovers } from './leftovers.ts';
import { removeOldBundles, removeOldRules } from './old_bundles.ts';
import { deleteOldRecords, deleteOldReports } from './old_records.ts';

const DAY_MS = 86_400_000;
const EVERY_MS = 3_600_000;

/**
 * While the trainer runs, deletes records older than `record_days`, old bundles, old rules, and
 * what killed processes have left, every hour.
 */
export function startRecordRetention(options: StoreWorkOptions): StoreWork {
  const { settings, paths, log, print, env = process.env, clock = MACHINE_CLOCK } = options;
  const days = settings.retrain.record_days;

  async function work(): Promise<void> {
    const nowMs = clock.nowMs();
    const leftovers = removeLeftovers(paths, nowMs);
    if (leftovers.length > 0) log.info({ leftovers }, 'what killed processes have left was removed');
    const { model_version_retention: count } = settings.retrain;
    const removed = ALL_SHELVES.filter((shelf) => shelf.isPrunedHourly).map((shelf) => ({
      shelf,
      bundles: removeOldBundles(shelf, paths.models, count),
    }));
    const bundles = removed.flatMap((one) => one.bundles);
    if (bundles.length > 0) log.info({ bundles }, 'old bundles were removed');
    const rules = removeOldRules(paths.models, count);
    if (rules.length > 0) log.info({ rules }, 'old rules were removed');
    if (days === null && bundles.length === 0) return;
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      // Their bytes go with them: a recovery does not bring them back.
      for (const one of removed) await registryOf(store, paths, one.shelf.name).forget(one.bundles);
      if (days === null) return;
      const beforeMs = nowMs - days * DAY_MS;
      const reports = deleteOldReports(paths, beforeMs);
      const rows = await deleteOldRecords(store, beforeMs);
      if (reports > 0 || Object.keys(rows).length > 0) log.info({ rows, reports }, 'old records were deleted');
    } finally {
      await store.close();
    }
  }

  const passes = createPasses({
    work,
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed({ code, message }) {
      print(`Old records cannot be deleted (${code}: ${message}); they are tried again.`);
      log.error({ code, message }, 'old records cannot be deleted');
    },
    onRecovered: () => print('Old records are deleted again.'),
  });
  passes.begin();
  return { pass: () => passes.pass(), stop: () => passes.stop() };
}
