import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import type { Answer } from '../decide/answer.ts';
import { RecentAnswers } from './batch_publisher.ts';

const answer = (pairIndex: number, outcome = 'COMPLETE'): Answer => ({ minute: { pairIndex, outcome } }) as Answer;
const at = (ms: number): EpochMs => ms as EpochMs;
/** `<pair>@<time>` of each batch. */
const batchesOf = (recent: RecentAnswers, isValid: (answer: Answer, answeredMs: EpochMs) => boolean = () => true) =>
  recent
    .batches(isValid)
    .map((batch) => batch.map(({ answer: { minute }, answeredMs }) => `${minute.pairIndex}@${answeredMs}`).join(' '));

describe('recent answers', () => {
  it('are none at first', () => expect(batchesOf(new RecentAnswers())).toEqual([]));

  it('come oldest first, the last one of every pair in the last batch', () => {
    const recent = new RecentAnswers();
    recent.note([answer(0), answer(1)], at(1), false);
    recent.note([answer(0)], at(2), false);
    recent.note([answer(0)], at(3), false);
    expect(batchesOf(recent)).toEqual(['0@1', '0@2', '0@3 1@1']);
    expect(batchesOf(recent, (_, answeredMs) => answeredMs > 1)).toEqual(['0@2', '0@3']);
    expect(batchesOf(recent, ({ minute }) => minute.pairIndex === 1)).toEqual(['1@1']);
  });

  it('of a pair begin with the last one that was published, and are sixteen at most', () => {
    const recent = new RecentAnswers();
    for (const time of [1, 2, 3]) recent.note([answer(0)], at(time), time === 2);
    expect(batchesOf(recent)).toEqual(['0@2', '0@3']);
    for (let time = 4; time <= 40; time++) recent.note([answer(0)], at(time), false);
    expect(batchesOf(recent)).toEqual(Array.from({ length: 16 }, (_, i) => `0@${25 + i}`));
  });

  it('have no final heartbeat', () => {
    const recent = new RecentAnswers();
    recent.note([answer(0, 'SHUTDOWN'), answer(1, 'SILENCE')], at(1), true);
    expect(batchesOf(recent)).toEqual(['1@1']);
  });
});
