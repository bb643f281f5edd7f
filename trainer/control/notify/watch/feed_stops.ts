import { addStops, type Stop } from '../../../../shared/bundle/halts.ts';
import { parseSubject } from '../../../../shared/pair.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import type { RefusedFeed } from '../../../jobs/bars/received_verdicts.ts';
import { whenUnlocked } from '../../../../shared/process/home_lock.ts';

/** Stands for the name of a person. */
const TRAINER = 'the trainer';
const LONGEST_REASON = 500;

export const FEED_STOP_NEXT =
  'Mend the feeder, keep the wrong bars out with `minutehand bars leave-out` (or take them as they are with `minutehand bars accept`), then `minutehand resume`.';

/**
 * Stops the entries of every pair and instrument of a symbol whose received bars are wrong beyond doubt, as a person
 * would. A person resumes them; while the bars are as they were, the next check stops them again.
 * @returns the stops that were added
 * @throws MinutehandError HALTS_FORMAT, HOME_LOCKED, HOME_UNUSABLE
 */
export async function addFeedStops(
  { minutehand: { pairs, instruments } }: Settings,
  modelsFolder: string,
  faulty: readonly RefusedFeed[],
  now: Date,
): Promise<Stop[]> {
  const subjects = [...pairs, ...instruments].map(parseSubject);
  const added: Stop[] = [];
  for (const { symbol, text } of faulty) {
    const own = subjects.filter(({ a, b }) => a === symbol || b === symbol).map(({ id }) => id);
    if (own.length === 0) continue;
    const reason = `received bars are wrong: ${text}`.slice(0, LONGEST_REASON);
    const order = { kind: 'entries', reason, by: TRAINER } as const;
    added.push(...(await whenUnlocked(() => addStops(modelsFolder, own, order, now))));
  }
  return added;
}
