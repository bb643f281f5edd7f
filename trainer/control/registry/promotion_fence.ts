import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { ownPromotions, releasePromotions } from '../../store/promotion_owner.ts';
import { storeUnusable, type Store } from '../../store/store.ts';

type FenceStore = Pick<Store, 'kind' | 'place' | 'transaction'>;

interface FenceQuestion {
  readonly market: string;
  readonly present?: number;
}

/**
 * Makes an installation the owner of promotions of a market, or renews it, as `AdmissionPlace.promotionFence` needs it.
 * @param asked the market, and the fence of the pointer that is to be replaced, if there is one
 * @throws MinutehandError PROMOTION_OWNER; STORE_UNUSABLE
 */
export function promotionFence(
  store: FenceStore,
  { home }: Pick<HomePaths, 'home'>,
  asked: FenceQuestion,
): Promise<number> {
  return fenceOfHolder(store, installationOf(home), asked);
}

/** As `promotionFence`, for an installation by its name. */
export async function fenceOfHolder(
  store: FenceStore,
  holder: string,
  { market, present = 0 }: FenceQuestion,
): Promise<number> {
  try {
    const place = { kind: store.kind, market, holder };
    return await store.transaction((tx) => ownPromotions(tx, place, present));
  } catch (error) {
    throw error instanceof MinutehandError ? error : storeUnusable(store.place, error);
  }
}

/** Gives the ownership back. @throws errors of the store */
export function releaseFence(store: Store, { home }: Pick<HomePaths, 'home'>, market: string): Promise<void> {
  return store.transaction((tx) => releasePromotions(tx, { kind: store.kind, market, holder: installationOf(home) }));
}
