import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { ownPromotions, releasePromotions } from '../../store/promotion_owner.ts';
import { storeUnusable, type Store } from '../../store/store.ts';

/**
 * Makes an installation the owner of promotions of a market, or renews it, as `AdmissionPlace.promotionFence` needs it.
 * @param asked the market, and the fence of the pointer that is to be replaced, if there is one
 * @throws MinutehandError PROMOTION_OWNER; STORE_UNUSABLE
 */
export async function promotionFence(
  store: Store,
  { home }: Pick<HomePaths, 'home'>,
  { market, present = 0 }: { readonly market: string; readonly present?: number },
): Promise<number> {
  try {
    const place = { kind: store.kind, market, holder: installationOf(home) };
    return await store.transaction((tx) => ownPromotions(tx, place, present));
  } catch (error) {
    throw error instanceof MinutehandError ? error : storeUnusable(store.place, error);
  }
}

/** Gives the ownership back. @throws errors of the store */
export function releaseFence(store: Store, { home }: Pick<HomePaths, 'home'>, market: string): Promise<void> {
  return store.transaction((tx) => releasePromotions(tx, { kind: store.kind, market, holder: installationOf(home) }));
}
