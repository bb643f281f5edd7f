import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { SignalRow } from '../../shared/store/journal.ts';
import { at } from '../../shared/store/journal_conformance.fixture.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { FeatureMatrix } from '../features/feature_matrix.ts';
import { NO_JOURNAL } from './journal.ts';
import { shadowRow, SignalRecorder } from './record.ts';

const HELD: Position = { ...FLAT, side: 1, positionId: 'entered', entryZ: -2, beta: 1.5, ageBars: 4 };

function answerOf(
  pairIndex: number,
  outcome: AnsweredMinute['outcome'],
  changes: Partial<MinuteAnswer> = {},
): MinuteAnswer {
  return {
    minute: { pairIndex, time: at(5), outcome } as AnsweredMinute,
    body: { pair_id: `pair ${pairIndex}`, signal_id: `id ${pairIndex}`, model_version: 'v' },
    bodyText: `{"body":${pairIndex}`,
    riskProb: 0.25,
    position: FLAT,
    seq: 7 + pairIndex,
    ...changes,
  } as MinuteAnswer;
}

describe('a recorder', () => {
  it('journals all that was published, at once', () => {
    const rows: SignalRow[] = [];
    const flushed: number[] = [];
    const journal = {
      ...NO_JOURNAL,
      signal: (row: SignalRow) => void rows.push(row),
      flush: () => flushed.push(rows.length),
    };
    const matrix = { checksum: (pairIndex: number) => `crc ${pairIndex}` } as unknown as FeatureMatrix;
    const recorder = new SignalRecorder({ bootId: 'boot', pairs: [0, 1], matrix, journal });
    recorder.add(
      [answerOf(0, 'COMPLETE'), answerOf(1, 'LEG_MISSING', { riskProb: null, position: HELD })],
      1234 as EpochMs,
    );
    recorder.store();
    const common = { bootId: 'boot', time: at(5), generatedAtMs: 1234 };
    expect(rows).toEqual([
      {
        ...common,
        seq: 7,
        pairId: 'pair 0',
        signalId: 'id 0',
        body: '{"body":0',
        featuresCrc: 'crc 0',
        riskProb: 0.25,
        position: JSON.stringify(FLAT),
      },
      // The features of a minute without a leg are those of the minute before.
      {
        ...common,
        seq: 8,
        pairId: 'pair 1',
        signalId: 'id 1',
        body: '{"body":1',
        featuresCrc: null,
        riskProb: null,
        position: JSON.stringify(HELD),
      },
    ]);
    expect(flushed).toEqual([2]);
  });
});

describe('the next signal of a pair', () => {
  it('waits until the last one of its pairs is stored, and for nothing where none is published', () => {
    const asked: number[] = [];
    let flushes = 0;
    const journal = {
      ...NO_JOURNAL,
      flush: () => ++flushes,
      room: (transactions: number) => (asked.push(transactions), null),
    };
    const matrix = { checksum: () => '' } as unknown as FeatureMatrix;
    const recorder = new SignalRecorder({ bootId: 'boot', pairs: [0, 1, 2], matrix, journal });
    const items = (...of: [pairIndex: number, publish: boolean][]) =>
      of.map(([pairIndex, publish]) => ({ minute: { pairIndex }, publish }) as unknown as MinuteItem);
    for (const pairIndexes of [[0], [1, 2], [0]]) {
      recorder.add(
        pairIndexes.map((pairIndex) => answerOf(pairIndex, 'COMPLETE')),
        0 as EpochMs,
      );
      recorder.store();
    }
    expect(recorder.room(items([0, true]))).toBeNull();
    for (const batch of [items([1, true]), items([1, true], [0, true]), items([0, true], [1, true])])
      void recorder.room(batch);
    void recorder.room(items([0, false], [1, true]));
    void recorder.room(items([0, false]));
    expect(asked).toEqual([3, 2, 3, 3, 2, 0]);
    const waiting = Promise.resolve();
    const slow = new SignalRecorder({
      bootId: 'boot',
      pairs: [0],
      matrix,
      journal: { ...NO_JOURNAL, room: () => waiting },
    });
    expect(slow.room(items([0, true]))).toBe(waiting);
  });
});

describe('a shadow row', () => {
  it('has the published id', () => {
    expect(shadowRow(answerOf(1, 'COMPLETE', { position: HELD }))).toEqual({
      signalId: 'id 1',
      pairId: 'pair 1',
      time: at(5),
      modelVersion: 'v',
      body: '{"body":1',
      riskProb: 0.25,
      position: JSON.stringify(HELD),
    });
    expect(shadowRow(answerOf(1, 'COMPLETE')).position).toBe(JSON.stringify(FLAT));
  });
});

describe('the journal of a replay', () => {
  it('accepts everything and reports it as stored', async () => {
    NO_JOURNAL.input({ kind: 'empty', subject: 'A', time: at(1), bar: null, backfill: false });
    expect(await NO_JOURNAL.stored()).toBe(true);
    expect([NO_JOURNAL.flush(), NO_JOURNAL.room(1), NO_JOURNAL.waitingShadows('v'), NO_JOURNAL.isFull]).toEqual([
      ...[0, null, [], false],
    ]);
  });
});
