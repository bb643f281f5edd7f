import { expect, it } from 'vitest';
import { isHeartbeat, type AnsweredMinute } from './minute.ts';

it('a heartbeat is what silence or the end of a daemon gives, and no minute', () => {
  const outcomes = ['SILENCE', 'SHUTDOWN', 'COMPLETE', 'BAR_SUSPECT', 'LEG_EMPTY', 'LEG_MISSING'];
  expect(outcomes.map((outcome) => isHeartbeat({ outcome } as AnsweredMinute))).toEqual([
    ...[true, true, false, false, false, false],
  ]);
});
