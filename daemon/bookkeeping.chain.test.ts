import { beforeEach, expect, it } from 'vitest';
import { Bookkeeping, type AnsweredBatch, type BookkeepingOptions } from './bookkeeping.ts';
import type { MinuteItem } from './queue/queue.ts';

let done: unknown[];
let books: Bookkeeping;
beforeEach(() => {
  done = [];
  books = new Bookkeeping({
    recorder: {
      add: (answers: unknown[], nowMs: number) => done.push(`add ${answers.length} at ${nowMs}`),
      store: () => done.push('store'),
    },
    stopwatch: { start: () => done.push('start'), lap: (station: string) => (done.push(`lap ${station}`), 30) },
    decider: {
      ids: { precompute: (minute: { pairIndex: number }, next: string) => done.push(`${minute.pairIndex} ${next}`) },
    },
    arms: { nextModels: (_: unknown, active: string) => `after ${active}` },
    instruments: { precomputeIds: (answers: unknown[]) => done.push(`instruments of ${answers.length}`) },
    idle: { open: () => done.push('idle') },
    observer: { onSignals: (answers: unknown[], timing: object) => done.push([answers.length, timing]) },
    slots: { active: 'v' },
  } as unknown as BookkeepingOptions);
});

const answerOf = (pairIndex: number) => ({ minute: { pairIndex } });
/** The first subject is a pair. */
const batchOf = (nowMs: number, isPublished: boolean, ...subjects: number[]): AnsweredBatch =>
  ({
    answers: subjects.map(answerOf),
    ofPairs: subjects.slice(0, 1).map(answerOf),
    nowMs,
    publications: isPublished ? ['a publication'] : [],
    timing: { signals: subjects.length },
  }) as unknown as AnsweredBatch;
const itemsOf = (...subjects: number[]) => subjects.map(answerOf) as unknown as MinuteItem[];

it('batches are journaled in one transaction, then reported where they were published, each with its part of the time', () => {
  books.add(batchOf(1, true, 0, 1));
  books.add(batchOf(2, false, 2));
  books.finish();
  expect(done.splice(0)).toEqual([
    ...['start', 'add 2 at 1', 'add 1 at 2', 'store', 'lap journal'],
    [2, { signals: 2, journal_us: 15 }],
    ...['0 after v', 'instruments of 2', '2 after v', 'instruments of 1', 'idle'],
  ]);
  books.finish();
  expect(done).toEqual([]);
});

it('a batch waits until a subject of it is answered again', () => {
  books.add(batchOf(1, true, 0, 1));
  books.add(batchOf(2, true, 2));
  books.finishBefore(itemsOf(3, 4));
  expect(done).toEqual([]);
  books.finishBefore(itemsOf(3, 2));
  expect(done.filter((each) => each === 'store')).toHaveLength(1);
  done = [];
  books.finishBefore(itemsOf(0, 1, 2));
  expect(done).toEqual([]);
});
