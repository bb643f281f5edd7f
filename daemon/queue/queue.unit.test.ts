import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import type { SeriesInput, StateInput } from './input.ts';
import { Queue, type MinuteItem } from './queue.ts';

const minuteOf = (pairIndex: number, minute: number, publish = true): MinuteItem => ({
  kind: 'minute',
  minute: { pairIndex, time: (minute * 60) as OpenTime } as AnsweredMinute,
  publish,
  arrivedUs: 0,
});
const boot = (bootId: string): StateInput => ({ kind: 'boot', bootId });
const nameOf = ({ minute, publish }: MinuteItem): string =>
  `${minute.pairIndex}@${minute.time / 60}${publish ? '' : ' quiet'}`;

/** A queue with manual loop turns, and a record of its calls. */
function open(onAnswer: (queue: Queue) => void = () => undefined, readsSeries?: (pairIndex: number) => boolean) {
  const done: string[] = [];
  const turns: (() => void)[] = [];
  const queue: Queue = new Queue({
    loopTurn: () => new Promise((resolve) => turns.push(resolve)),
    answer: async (batch) => {
      done.push(batch.map(nameOf).join(' '));
      onAnswer(queue);
      await Promise.resolve();
    },
    apply: (input) =>
      void done.push(input.kind === 'series' ? input.observation.name : (input as { bootId: string }).bootId),
    finish: () => undefined,
    ...(readsSeries && { readsSeries }),
    onIdle: () => void done.push(`idle ${queue.isIdle}`),
  });
  const push = (...items: (MinuteItem | StateInput)[]): void => items.forEach((item) => queue.push(item));
  return { queue, done, push, endTurn: () => turns.splice(0).forEach((end) => end()), turns };
}

describe('Queue', () => {
  it('answers all minutes of one loop turn as one batch, and nothing before the turn ends', async () => {
    const { queue, done, push, endTurn, turns } = open();
    expect([queue.isIdle, queue.isEmpty, queue.done]).toEqual([true, true, 0]);
    push(minuteOf(0, 1), minuteOf(1, 1));
    await Promise.resolve();
    expect([done, turns.length, queue.isIdle, queue.isEmpty]).toEqual([[], 1, false, false]);
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@1 1@1', 'idle false']);
    expect([queue.isIdle, queue.isEmpty, queue.done]).toEqual([true, true, 1]);
  });

  it('is not empty while a batch is answered behind which other inputs of its loop turn wait', async () => {
    const isEmpty: boolean[] = [];
    const { queue, push, endTurn } = open((own) => isEmpty.push(own.isEmpty));
    push(minuteOf(0, 1), boot('a'), minuteOf(1, 1));
    endTurn();
    await queue.settled();
    expect(isEmpty).toEqual([false, true]);
  });

  it('publishes no pair twice in a batch, and allows any number of backfill minutes', async () => {
    const { queue, done, push, endTurn } = open();
    push(minuteOf(0, 1), minuteOf(1, 1), minuteOf(0, 2), minuteOf(2, 2), minuteOf(0, 3));
    push(minuteOf(3, 1, false), minuteOf(3, 2, false), minuteOf(3, 3), minuteOf(3, 4, false));
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@1 1@1', '0@2 2@2', '0@3 3@1 quiet 3@2 quiet 3@3', '3@4 quiet', 'idle false']);
    expect(queue.done).toBe(4);
  });

  it('applies everything else between the minutes before it and those after it', async () => {
    const { queue, done, push, endTurn } = open();
    push(boot('a'), minuteOf(0, 1), boot('b'), boot('c'), minuteOf(1, 1));
    endTurn();
    await queue.settled();
    expect(done).toEqual(['a', '0@1', 'b', 'c', '1@1', 'idle false']);
    expect(queue.done).toBe(5);
  });

  it('keeps heartbeats apart from minutes, which are scored', async () => {
    const { queue, done, push, endTurn } = open();
    const heartbeat = (pairIndex: number): MinuteItem => {
      const item = minuteOf(pairIndex, 1);
      return { ...item, minute: { ...item.minute, outcome: 'SILENCE' } as AnsweredMinute };
    };
    push(heartbeat(0), heartbeat(1), minuteOf(2, 2), minuteOf(3, 2, false), heartbeat(4));
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@1 1@1', '2@2 3@2 quiet', '4@1', 'idle false']);
  });

  it('applies what takes effect right before a minute, and takes it back with that minute', async () => {
    const { queue, done, push, endTurn } = open();
    const first = [boot('a'), boot('b')];
    push(minuteOf(0, 1), { ...minuteOf(1, 1), first }, minuteOf(2, 1));
    endTurn();
    await queue.settled();
    expect(done.splice(0)).toEqual(['0@1', 'a', 'b', '1@1 2@1', 'idle false']);
    push(minuteOf(0, 2, false), { ...minuteOf(1, 2), first }, minuteOf(2, 2));
    for (const item of queue.takeUnpublished()) push(item);
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@2 quiet', 'a', 'b', '1@2 2@2', 'idle false']);
  });

  it('splits a batch at a value of a series only before a minute that may read it', async () => {
    const value = (name: string): StateInput => ({
      kind: 'series',
      observation: { name } as SeriesInput['observation'],
    });
    const { queue, done, push, endTurn } = open(undefined, (pairIndex) => pairIndex >= 2);
    push(
      minuteOf(0, 1),
      value('funding'),
      minuteOf(1, 1),
      value('book'),
      minuteOf(2, 1),
      minuteOf(3, 1),
      value('last'),
    );
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@1 1@1', 'funding', 'book', '2@1 3@1', 'last', 'idle false']);
    expect(queue.done).toBe(5);
  });

  it('queues arrivals during an answer after those that wait, in the same run', async () => {
    let isFirst = true;
    const { queue, done, push, endTurn, turns } = open((own) => {
      if (isFirst) own.push(minuteOf(2, 1));
      isFirst = false;
    });
    push(minuteOf(0, 1), boot('a'), minuteOf(1, 1));
    endTurn();
    await queue.settled();
    expect(done).toEqual(['0@1', 'a', '1@1', '2@1', 'idle false']);
    expect(turns).toEqual([]);
    push(minuteOf(0, 2));
    expect(turns).toHaveLength(1);
    endTurn();
    await queue.settled();
    expect(done.slice(-2)).toEqual(['0@2', 'idle false']);
  });

  it('returns everything from the first minute to be published', async () => {
    const { queue, done, push, endTurn } = open();
    const first = minuteOf(0, 2);
    const second = minuteOf(0, 3, false);
    push(boot('a'), minuteOf(0, 1, false), first, boot('b'), second);
    expect(queue.takeUnpublished()).toEqual([first, boot('b'), second]);
    expect(queue.takeUnpublished()).toEqual([]);
    const all = open();
    all.push(first, second);
    expect([all.queue.takeUnpublished(), all.queue.isEmpty]).toEqual([[first, second], true]);
    endTurn();
    await queue.settled();
    expect(done).toEqual(['a', '0@1 quiet', 'idle false']);
  });

  it('finishes what an answer left to do before anything but a minute takes effect, and at the end', async () => {
    const calls: string[] = [];
    let endTurn: () => void = () => undefined;
    const queue = new Queue({
      loopTurn: () => new Promise((resolve) => (endTurn = resolve)),
      answer: (batch) => Promise.resolve(void calls.push(batch.map(nameOf).join(' '))),
      apply: ({ kind }) => void calls.push(kind),
      finish: () => void calls.push('finish'),
      onWaiting: () => void calls.push('waiting'),
      onIdle: () => void calls.push('idle'),
    });
    queue.push(minuteOf(0, 1));
    queue.push({ kind: 'series', observation: { name: 'sentiment' } as SeriesInput['observation'] });
    // By default every subject may read a series.
    queue.push(minuteOf(1, 1));
    queue.push(boot('a'));
    endTurn();
    await queue.settled();
    expect(calls.splice(0, 3)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(calls).toEqual(['0@1', 'finish', 'series', '1@1', 'finish', 'boot', 'finish', 'idle']);
    expect(queue.done).toBe(4);
  });
});
