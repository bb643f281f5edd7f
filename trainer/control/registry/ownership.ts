import type { Logger } from 'pino';
import { describeError } from '../../../shared/errors.ts';
import type { Scheduler } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import { RENEW_OWNERSHIP_MS } from '../../store/promotion_owner.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { promotionFence, releaseFence } from './promotion_fence.ts';
import type { LostPlace } from './recover_lost.ts';

export interface OwnershipOptions extends LostPlace {
  readonly log: Logger;
  readonly scheduler: Scheduler;
  print(line: string): void;
}

/**
 * Keeps this installation the owner of promotions while its trainer runs, and gives that back at its end. Where another
 * installation is the owner, this one waits: it trains, and what it would promote is refused.
 * @returns a function that ends it
 */
export function keepOwnership(options: OwnershipOptions): () => Promise<void> {
  const { settings, paths, env, log, scheduler, print } = options;
  const { market } = settings.minutehand;
  let store: Store | null = null;
  let told = '';

  async function renew(): Promise<void> {
    try {
      store ??= await openStore(storeUrl(env, paths));
      const fence = await promotionFence(store, paths, { market });
      if (told !== '') print('This installation is the owner of promotions again.');
      if (told !== '') log.info({ fence }, 'owner of promotions');
      told = '';
    } catch (error) {
      const { code, message, next } = describeError(error);
      // The store's own problems are reported elsewhere.
      if (code === 'PROMOTION_OWNER' && told !== code) {
        log.warn({ code }, message);
        print(`${code}: ${message} ${next}`);
        told = code;
      }
      if (code !== 'PROMOTION_OWNER') await close();
    }
  }

  async function close(): Promise<void> {
    const opened = store;
    store = null;
    await opened?.close().catch(() => undefined);
  }

  let isStopped = false;
  const look = atMostOneWaiting(async () => {
    if (!isStopped) await renew();
  });
  void look();
  const stop = scheduler.every(RENEW_OWNERSHIP_MS, () => void look());
  return async () => {
    isStopped = true;
    stop();
    await look();
    if (store !== null) await releaseFence(store, paths, market).catch(() => undefined);
    await close();
  };
}
