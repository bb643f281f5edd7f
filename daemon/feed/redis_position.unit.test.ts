import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BEGINNING,
  compareIds,
  entriesLost,
  NO_STREAM,
  streamStateOf,
  whereToGoOn,
  type StreamState,
} from './redis_position.ts';

const at = (id: string, number: number | null = null): { id: string; number: number | null } => ({ id, number });
const stream = (firstId: string | null, lastId: string, added: number | null = null): StreamState => ({
  firstId,
  lastId,
  added,
});

describe('ids of a stream', () => {
  it('are ordered by their two numbers, however long', () => {
    const part = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(part, part, part, part, (xMs, xSeq, yMs, ySeq) => {
        const x = xMs * 2n ** 64n + xSeq;
        const y = yMs * 2n ** 64n + ySeq;
        const order = compareIds(`${xMs}-${xSeq}`, `${yMs}-${ySeq}`);
        expect(order).toBe(x < y ? -1 : x > y ? 1 : 0);
      }),
    );
    expect(compareIds('9-10', '10-9')).toBe(-1);
    expect(compareIds('10-10', '10-9')).toBe(1);
  });
});

describe('the state of a stream', () => {
  const entry = ['5-0', ['bar', '{}']];

  it('is read from the reply of Redis 7, with or without entries', () => {
    const reply = ['length', 1, 'last-generated-id', '9-0', 'entries-added', 12, 'first-entry', entry];
    expect(streamStateOf(reply)).toEqual(stream('5-0', '9-0', 12));
    const empty = ['length', 0, 'last-generated-id', '9-0', 'entries-added', 12, 'first-entry', null];
    expect(streamStateOf(empty)).toEqual(stream(null, '9-0', 12));
  });

  it('has no number of entries where Redis does not count them (before 7.0)', () => {
    const reply = ['length', 1, 'last-generated-id', '9-0', 'groups', 0, 'first-entry', entry, 'last-entry', entry];
    expect(streamStateOf(reply)).toEqual(stream('5-0', '9-0'));
  });
});

describe('a reader of a stream', () => {
  it('continues where its last entry is still there, or where all was read before it was trimmed', () => {
    expect(whereToGoOn(at('5-0'), stream('1-0', '9-0'), true)).toBe('same');
    expect(whereToGoOn(at('9-0'), stream(null, '9-0'), false)).toBe('same');
    expect(whereToGoOn(BEGINNING, NO_STREAM, false)).toBe('same');
    expect(whereToGoOn(BEGINNING, stream('7-0', '9-0'), false)).toBe('same');
  });

  it('detects that the stream was trimmed past it', () => {
    expect(whereToGoOn(at('5-0'), stream('6-0', '9-0'), false)).toBe('trimmed');
    expect(whereToGoOn(at('5-0'), stream(null, '9-0'), false)).toBe('trimmed');
  });

  it('detects another stream when it is gone, shorter, or has older entries but not its own', () => {
    expect(whereToGoOn(at('5-0'), NO_STREAM, false)).toBe('another');
    expect(whereToGoOn(at('5-0'), stream('1-0', '4-9'), false)).toBe('another');
    expect(whereToGoOn(at('5-0'), stream('4-0', '9-0'), false)).toBe('another');
  });

  it('counts the lost entries once it has read all, where Redis counts', () => {
    expect(entriesLost(at('9-0', 40), stream('1-0', '9-0', 40))).toBe(0);
    expect(entriesLost(at('9-0', 40), stream('8-0', '9-0', 47))).toBe(7);
    expect(entriesLost(at('9-0', 40), stream('8-0', '9-0', 2))).toBe(-38);
    expect(entriesLost(at('8-0', 40), stream('8-0', '9-0', 47))).toBeNull();
    expect(entriesLost(at('9-0', null), stream('8-0', '9-0', 47))).toBeNull();
    expect(entriesLost(at('9-0', 40), stream('8-0', '9-0', null))).toBeNull();
  });
});
