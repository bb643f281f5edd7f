import { readFileSync } from 'node:fs';
import type { Kysely } from 'kysely';
import { pointerKind, type PointerName } from '../../../shared/bundle/active_file.ts';
import { addFromFile, haltsPath } from '../../../shared/bundle/halts.ts';
import { knowsLaterEnd, marksToKeep, takeKeptMark } from '../../../shared/bundle/pointer_marks.ts';
import { ROLLOUT_POINTER } from '../../../shared/bundle/rollout.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { PointerKind } from '../../../shared/bundle/sealed_pointer.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { ownPromotions, type OwnerPlace } from '../../store/promotion_owner.ts';
import { openStore, openStoreIfThere, storeUrl, type Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { LossFinder, LostPlace } from '../registry/recover_lost.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import { isThere } from '../../../shared/files.ts';

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
  if (isThere(halts)) files.set(HALTS, readFileSync(halts, 'utf8'));
  return files;
}

/** What a home got from the store, by name for people. */
export interface RestoredFiles {
  readonly taken: readonly string[];
  /** Marks whose proof no trusted key has signed: an end by an operator may be lost. */
  readonly unproven: readonly string[];
}

const NOTHING_RESTORED: RestoredFiles = { taken: [], unproven: [] };

/**
 * Gives this home what the store has kept of its market. Of another installation: its halts, which count beside those
 * of this home, and, where no pointer was ever accepted here, its marks. Of this installation: marks with an end by an
 * operator that the home does not know, because it was restored from an older backup. It is called before models are
 * restored, so that nothing trades in between.
 * @throws MinutehandError PROMOTION_OWNER while another machine owns them; POINTER_MARK, HALTS_FORMAT, STORE_UNUSABLE
 */
export async function restoreHomeFiles(place: LostPlace, finder: LossFinder): Promise<RestoredFiles> {
  const { env, paths } = place;
  const store = await openStoreIfThere(env, paths);
  if (store === null) return NOTHING_RESTORED;
  try {
    const { files, isOwn } = await keptFiles(store, place);
    const halts = files.get(HALTS);
    const isAdded = !isOwn && halts !== undefined && (await whenUnlocked(() => addFromFile(paths.models, halts)));
    const taken = isAdded ? [HALTS] : [];
    const unproven: string[] = [];
    const isWanted = ([name, content]: readonly [string, string]): boolean =>
      name !== HALTS && (isOwn ? knowsLaterEnd(paths.home, name, content) : finder.isNewHome());
    for (const [name, content] of [...files].filter(isWanted)) {
      const became = takeKeptMark(paths.home, name, content, kindOf(name));
      if (became === 'taken') taken.push(`mark of ${name}`);
      if (became === 'unproven') unproven.push(`mark of ${name}`);
    }
    return { taken, unproven };
  } finally {
    await store.close();
  }
}

const kindOf = (name: string): PointerKind<unknown> =>
  name === ROLLOUT_POINTER.name ? ROLLOUT_POINTER : pointerKind(name as PointerName);

/** Lines for people, none where nothing was kept. */
export function restoredFilesTexts({ taken, unproven }: RestoredFiles): string[] {
  return [
    ...(taken.length === 0
      ? []
      : [`The store has kept them for this market; this home has them now: ${taken.join(', ')}.`]),
    ...(unproven.length === 0
      ? []
      : [
          `The store has kept them, but no trusted key has signed what they say, so this home did not take them: ${unproven.join(', ')}. ` +
            'A shadow or rule that an operator has ended could come back with a restored pointer: `minutehand models list` shows what is served.',
        ]),
  ];
}

/** What the store has kept of this market, and whether this installation has kept it. */
async function keptFiles(store: Store, place: LostPlace): Promise<{ readonly files: Files; readonly isOwn: boolean }> {
  const { market, holder } = ownerPlace(store, place);
  const read = async (db: Kysely<Tables>): Promise<{ files: Map<string, string>; isOwn: boolean }> => {
    const rows = await db
      .selectFrom('core.home_files')
      .select(['file', 'content'])
      .where('market', '=', market)
      .orderBy('file')
      .execute();
    const files = new Map(rows.map(({ file, content }) => [file, content]));
    const isOwn = files.size === 0 || files.get(INSTALLATION) === holder;
    files.delete(INSTALLATION);
    return { files, isOwn };
  };
  // A new installation does not own anything by looking.
  const seen = await read(store.db);
  if (seen.isOwn) return seen;
  return await store.transaction(async (tx) => {
    await own(tx, store, place);
    return await read(tx);
  });
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
