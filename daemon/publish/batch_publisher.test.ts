import { beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { parsePair } from '../../shared/pair.ts';
import { encodeBody } from '../../shared/signal/encode.ts';
import { bodyOf } from '../../shared/signal/signal.fixture.ts';
import { verifySignal } from '../../shared/signal/verify.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import { Stopwatch } from '../metrics/stopwatch.ts';
import type { MinuteItem } from '../queue.ts';
import { BatchPublisher } from './batch_publisher.ts';
import { Envelope } from './envelope.ts';
import type { Publisher } from './publish.ts';
import type { TransportName } from './transports.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map(parsePair);
const CLOSE_MS = Date.parse('2025-10-14T12:35:00Z');
/** Of minute `index` after that, so many ms after its close. */
const at = (index: number, ms = 0): EpochMs => (CLOSE_MS + 60_000 * index + ms) as EpochMs;

/** What left: `<transport> <pair> <bar> <fence>`. */
let left: string[];
/** Fences that hold, one per look; the last one stays. */
let held: (number | null)[];

beforeEach(() => {
  [left, held] = [[], [null]];
});

function transport(name: TransportName, takesPieces: boolean): Publisher<TransportName> {
  return {
    ...{ name, takesPieces, failures: 0, close: () => Promise.resolve() },
    publish: (batch) => {
      for (const { text } of batch) {
        const { pair_id, timestamp, fence } = verifySignal(text);
        left.push(`${name} ${pair_id} ${timestamp.slice(11, 16)} ${fence}`);
      }
    },
  };
}

function open(isLeased = true): BatchPublisher {
  const clock = { nowMs: () => at(0), monotonicUs: () => 0 };
  const envelope = { pairs: PAIRS, market: 'live', bootId: '20251014T120000000Z', feedIntervalMs: 60_000 } as const;
  const lease = { holds: (fence: number) => fence === (held.length > 1 ? held.shift() : held[0]) };
  return new BatchPublisher({
    sockets: [transport('websocket', true), transport('redis', false)],
    files: [transport('file', false)],
    envelope: new Envelope(envelope, at(0)),
    stopwatch: new Stopwatch(clock),
    ...(isLeased ? { lease } : {}),
  });
}

function answer(pairIndex: number, index: number, outcome = 'COMPLETE'): MinuteAnswer {
  const timestamp = new Date(at(index)).toISOString().replace('.000', '');
  const body = bodyOf({ pair_id: PAIRS[pairIndex]!.id, timestamp });
  const minute = { pairIndex, time: (at(index) / 1000 - 60) as OpenTime, outcome };
  return { minute, body, bodyText: encodeBody(body), seq: 0 } as unknown as MinuteAnswer;
}

/** Both pairs at minute `index`. */
function publish(publisher: BatchPublisher, index: number, outcome?: string): void {
  const items = [{}, {}] as unknown as MinuteItem[];
  const { publications } = publisher.publish(
    items,
    () => [0, 1].map((pairIndex) => answer(pairIndex, index, outcome)),
    at(index, 100),
  );
  publisher.publishFiles(publications);
}

describe('publishing', () => {
  it('needs no lease where none is configured, and gives no fence', () => {
    const publisher = open(false);
    publisher.hold(7, at(0));
    publish(publisher, 0);
    expect(left).toHaveLength(6);
    expect(left[0]).toBe('websocket XAUUSD_XAGUSD 12:35 undefined');
    expect(publisher.withheld).toBe(0);
  });

  it('is withheld by a standby, which numbers and counts its answers', () => {
    const publisher = open();
    publish(publisher, 0);
    publish(publisher, 1);
    expect([left, publisher.withheld]).toEqual([[], 4]);
  });

  it('begins with what a new holder withheld and has not expired, oldest first, and continues with its fence', () => {
    const publisher = open();
    for (const index of [0, 1, 2, 3]) publish(publisher, index);
    held = [7];
    publisher.hold(7, at(4, 0));
    publish(publisher, 4);
    const times = left.filter((line) => line.startsWith('redis XAUUSD_XAGUSD')).map((line) => line.slice(20));
    // Valid for 150 s from one interval after the close at the latest; here from 100 ms after it.
    expect(times).toEqual(['12:37 7', '12:38 7', '12:39 7']);
    expect(left.filter((line) => line.startsWith('file EURUSD'))).toHaveLength(3);
  });

  it('repeats the last state of every pair under a new fence, but for a final heartbeat', () => {
    const publisher = open();
    held = [7];
    publisher.hold(7, at(0));
    publish(publisher, 0);
    publish(publisher, 1);
    publish(publisher, 1, 'SHUTDOWN');
    publisher.hold(null, at(1, 200));
    left = [];
    held = [8];
    publisher.hold(8, at(1, 300));
    expect(left.filter((line) => line.startsWith('websocket'))).toEqual([
      'websocket XAUUSD_XAGUSD 12:36 8',
      'websocket EURUSD_GBPUSD 12:36 8',
    ]);
  });

  it('follows the final heartbeat of a lease with nothing: a later answer is the first one of the next lease', () => {
    const publisher = open();
    held = [7];
    publisher.hold(7, at(0));
    publish(publisher, 1);
    publish(publisher, 1, 'SHUTDOWN');
    left = [];
    publish(publisher, 2);
    expect([left, publisher.withheld]).toEqual([[], 2]);
    held = [8];
    publisher.hold(8, at(2, 200));
    const bars = left.filter((line) => line.startsWith('file XAUUSD_XAGUSD')).map((line) => line.slice(19));
    expect(bars).toEqual(['12:36 8', '12:37 8']);
  });

  it('checks the lease before each hand-over: nothing leaves after its deadline', () => {
    const publisher = open();
    held = [7];
    publisher.hold(7, at(0));
    held = [7, null];
    publish(publisher, 0);
    expect(left.map((line) => line.split(' ')[0])).toEqual(['websocket', 'websocket']);
    left = [];
    held = [7, 7, null];
    publish(publisher, 1);
    expect(left.map((line) => line.split(' ')[0])).toEqual(['websocket', 'websocket', 'redis', 'redis']);
    left = [];
    held = [8];
    publish(publisher, 2);
    expect(left).toEqual([]);
  });
});
