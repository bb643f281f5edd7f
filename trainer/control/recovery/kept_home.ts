import { existsSync, readFileSync } from 'node:fs';
import type { Kysely } from 'kysely';
import { addFromFile, haltsPath } from '../../../shared/bundle/halts.ts';
import { marksToKeep, takeKeptMark } from '../../../shared/bundle/pointer_marks.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { ownPromotions, type OwnerPlace } from '../../store/promotion_owner.ts';
import { openStore, openStoreIfThere, storeUrl, type Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { LossFinder, LostPlace } from '../registry/recover_lost.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';

/*
 * What a home has beside bundles and their registry, kept in the store for the day on which the store alone is left:
 * the marks of its pointers, which say what was active, in shadow, in a rollout, and what a person has ended; and its
 * halts. A mark gives nothing to serve by itself: the models are restored as those that a home has lost, through the
 * lock of all models.
 */

const HALTS = 'halts.json';
/** Row that names the installation whose files these are. */
const INSTALLATION = 'installation';

type Files = ReadonlyMap<string, string>;

/**
 * Keeps what has changed, if this installation is the owner of promotions. What another installation has kept is
 * restored before (`restoreHomeFiles`), and then replaced.
 * @param last what was kept last, as this function has returned it
 * @throws MinutehandError PROMOTION_OWNER, POINTER_MARK, STORE_UNUSABLE
 */
export async function keepHomeFiles(place: LostPlace, last: string, nowMs: number): Promise<string> {
  const files = filesOf(place.paths);
  const text = JSON.stringify([...files]);
  if (files.size === 0 || text === last) return last;
  const store = await openStore(storeUrl(place.env, place.paths));
  try {
    await store.transaction(async (tx) => {
      const { market, holder } = await own(tx, store, place);
      for (const [file, content] of [...files, [INSTALLATION, holder] as const]) {
        const kept = { content, kept_ms: nowMs };
        await tx
          .insertInto('core.home_files')
          .values({ market, file, ...kept })
          .onConflict((conflict) => conflict.columns(['market', 'file']).doUpdateSet(kept))
          .execute();
      }
    });
  } finally {
    await store.close();
  }
  return text;
}

/** Marks by the name of their kind, and the halts. */
function filesOf({ home, models }: HomePaths): Files {
  const files = marksToKeep(home);
  const halts = haltsPath(models);
  if (existsSync(halts)) files.set(HALTS, readFileSync(halts, 'utf8'));
  return files;
}

/**
 * Gives this home what another installation of its market has kept: its halts, which count beside those of this home,
 * and, where no pointer was ever accepted here, its marks. It is called before models are restored, so that nothing
 * trades in between.
 * @returns names of what this home has now, for people
 * @throws MinutehandError PROMOTION_OWNER while another machine owns them; POINTER_MARK, HALTS_FORMAT, STORE_UNUSABLE
 */
export async function restoreHomeFiles(place: LostPlace, finder: LossFinder): Promise<readonly string[]> {
  const { env, paths } = place;
  const store = await openStoreIfThere(env, paths);
  if (store === null) return [];
  try {
    const files = await filesOfAnother(store, place);
    const halts = files.get(HALTS);
    const isAdded = halts !== undefined && (await whenUnlocked(() => addFromFile(paths.models, halts)));
    const taken = isAdded ? [HALTS] : [];
    if (!finder.isNewHome()) return taken;
    for (const [name, content] of files)
      if (name !== HALTS && takeKeptMark(paths.home, name, content)) taken.push(`mark of ${name}`);
    return taken;
  } finally {
    await store.close();
  }
}

/** One line for a person. */
export function restoredFilesText(files: readonly string[]): string {
  return `Another installation of this market has kept them in the store; this home has them now: ${files.join(', ')}.`;
}

/** Empty where this installation has kept them. */
async function filesOfAnother(store: Store, place: LostPlace): Promise<Files> {
  const { market, holder } = ownerPlace(store, place);
  const read = async (db: Kysely<Tables>): Promise<Map<string, string>> => {
    const rows = await db
      .selectFrom('core.home_files')
      .select(['file', 'content'])
      .where('market', '=', market)
      .orderBy('file')
      .execute();
    return new Map(rows.map(({ file, content }) => [file, content]));
  };
  const isOwn = (files: Files): boolean => files.size === 0 || files.get(INSTALLATION) === holder;
  // A new installation does not own anything by looking.
  if (isOwn(await read(store.db))) return new Map();
  const files = await store.transaction(async (tx) => {
    await own(tx, store, place);
    return await read(tx);
  });
  if (isOwn(files)) return new Map();
  files.delete(INSTALLATION);
  return files;
}

/** @throws MinutehandError PROMOTION_OWNER */
async function own(tx: Kysely<Tables>, store: Store, place: LostPlace): Promise<OwnerPlace> {
  const owner = ownerPlace(store, place);
  await ownPromotions(tx, owner);
  return owner;
}

function ownerPlace(store: Store, { settings, paths }: LostPlace): OwnerPlace {
  return { kind: store.kind, market: settings.minutehand.market, holder: installationOf(paths.home) };
}
