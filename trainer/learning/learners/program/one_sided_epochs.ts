import { channel } from 'node:diagnostics_channel';
import type { SeenEpoch } from './protocol.ts';

/** Largest share of one call that is not reported, and 1 − this the smallest share of positive answers. */
const MOST = 0.7;
const DIRECTION_CALLS = ['up', 'down'] as const;
/** Texts of one-sided epochs of all fits of this process, as they are seen. */
const ONE_SIDED = channel('minutehand.one_sided_epoch');

/**
 * What an epoch calls in more than 70 % of the watched rows, and the share; null: nothing. Of classes, the last one
 * takes no side (a direction's range).
 */
function sideOf(epoch: SeenEpoch): { readonly side: string; readonly share: number } | null {
  if ('positive_share' in epoch) {
    const { positive_share: share } = epoch;
    if (share > MOST) return { side: 'positive', share };
    return 1 - share > MOST ? { side: 'negative', share: 1 - share } : null;
  }
  const sides = epoch.class_shares.slice(0, -1);
  const largest = sides.findIndex((share) => share > MOST);
  if (largest < 0) return null;
  const side = sides.length === DIRECTION_CALLS.length ? DIRECTION_CALLS[largest]! : `class ${largest}`;
  return { side, share: sides[largest]! };
}

/**
 * Reports epochs of one fit that call one side in more than 70 % of the rows: the first of each unbroken sequence of
 * them.
 * @param learner as its program calls itself
 */
export function watchEpochs(learner: string): (epoch: SeenEpoch, share: number) => void {
  let last: string | null = null;
  return (epoch, share) => {
    const found = sideOf(epoch);
    if (found !== null && found.side !== last && ONE_SIDED.hasSubscribers)
      ONE_SIDED.publish(
        `${learner} at ${Math.round(100 * share)} % of a fit calls ${found.side} in ${Math.round(100 * found.share)} % of the watched rows (more than ${100 * MOST} %).`,
      );
    last = found?.side ?? null;
  };
}

/** @returns ends it */
export function onOneSidedEpoch(tell: (text: string) => void): () => void {
  const listener = (text: unknown): void => tell(String(text));
  ONE_SIDED.subscribe(listener);
  return () => void ONE_SIDED.unsubscribe(listener);
}
