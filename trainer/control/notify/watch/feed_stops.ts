import { addStops, type Stop } from '../../../../shared/bundle/halts.ts';
import { parseSubject } from '../../../../shared/pair.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import type { RefusedFeed } from '../../../jobs/bars/received_verdicts.ts';

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
export function addFeedStops(
  { minutehand: { pairs, instruments } }: Settings,
  modelsFolder: string,
  faulty: readonly RefusedFeed[],
  now: Date,
): Stop[] {
  const subjects = [...pairs, ...instruments].map(parseSubject);
  return faulty.flatMap(({ symbol, text }) => {
    const own = subjects.filter(({ a, b }) => a === symbol || b === symbol);
    if (own.length === 0) return [];
    const reason = `received bars are wrong: ${text}`.slice(0, LONGEST_REASON);
    const order = { kind: 'entries', reason, by: TRAINER } as const;
    return addStops(
      modelsFolder,
      own.map(({ id }) => id),
      order,
      now,
    );
  });
}
