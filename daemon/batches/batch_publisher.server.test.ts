import { beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { parsePair } from '../../shared/pair.ts';
import { encodeBody } from '../../shared/signal/encode.ts';
import { bodyOf } from '../../shared/signal/signal.fixture.ts';
import { verifySignal } from '../../shared/signal/verify.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import { Stopwatch } from '../publish/stopwatch.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { BatchPublisher } from './batch_publisher.ts';
import { Envelope } from '../publish/envelope.ts';
import type { Publisher } from '../publish/publish.ts';
import type { TransportName } from '../publish/transports.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map(parsePair);
const CLOSE_MS = Date.parse('2025-10-14T12:35:00Z');
/** Of minute `index` after that, so many ms after its close. */
const at = (index: number, ms = 0): EpochMs => (CLOSE_MS + 60_000 * index + ms) as EpochMs;

/** What left: `<transport> <pair> <bar> <fence>`. */
let left: string[];
/** Hand-overs: `<transport> <signals>`. */
let batches: string[];
/** Fences that hold, one per look; the last one stays. */
let held: (number | null)[];

beforeEach(() => {
  left = [];
  batches = [];
  held = [null];
});

let ticks = 0;
const clock = { nowMs: () => at(0), monotonicUs: () => ++ticks };

function transport(name: TransportName, firstPiece?: number): Publisher<TransportName> {
  return {
    name,
    ...(firstPiece === undefined ? {} : { firstPiece }),
    failures: 0,
    close: () => Promise.resolve(),
    publish: (batch) => {
      batches.push(`${name} ${batch.length}`);
      for (const { text } of batch) {
        const { pair_id, timestamp, fence } = verifySignal(text);
        left.push(`${name} ${pair_id} ${timestamp.slice(11, 16)} ${fence}`);
      }
    },
  };
}

function open(isLeased = true, stopwatch = new Stopwatch(clock), firstPiece = 128): BatchPublisher {
  const envelope = { pairs: PAIRS, market: 'live', bootId: '20251014T120000000Z', feedIntervalMs: 60_000 } as const;
  const lease = { holds: (fence: number) => fence === (held.length > 1 ? held.shift() : held[0]) };
  return new BatchPublisher({
    sockets: [transport('websocket', firstPiece), transport('redis')],
    files: [transport('file')],
    envelope: new Envelope(envelope, at(0)),
    stopwatch,
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
    expect([left, batches, publisher.withheld]).toEqual([[], [], 4]);
  });

  it.each([
    { firstPiece: 2, sizes: [[2], [2, 126], [2, 128, 126], [2, 128, 128, 42]] },
    { firstPiece: 128, sizes: [[2], [128], [128, 128], [128, 128, 44]] },
  ])('begins after $firstPiece signals where pieces are taken, and is whole elsewhere', ({ firstPiece, sizes }) => {
    const publisher = open(false, undefined, firstPiece);
    for (const pieces of sizes) {
      const count = pieces.reduce((sum, size) => sum + size);
      const decided: number[] = [];
      left = [];
      batches = [];
      const { answers, publications } = publisher.publish(
        Array.from({ length: count }, (_, index) => ({ index }) as unknown as MinuteItem),
        (piece) => {
          decided.push(piece.length);
          return piece.map((item) => answer(0, (item as unknown as { index: number }).index));
        },
        at(0),
      );
      expect(decided).toEqual(pieces);
      expect(batches).toEqual([...pieces.map((size) => `websocket ${size}`), `redis ${count}`]);
      const times = Array.from({ length: count }, (_, index) => at(index) / 1000 - 60);
      expect([answers.map(({ minute }) => minute.time), publications.length]).toEqual([times, count]);
      expect(left.slice(count)).toEqual(left.slice(0, count).map((line) => line.replace('websocket', 'redis')));
    }
  });

  it('is timed: decision, publication, and until each transport has the signals', () => {
    const stopwatch = new Stopwatch(clock);
    const publisher = open(false, stopwatch);
    ticks = 0;
    stopwatch.start();
    stopwatch.arrived(1);
    publish(publisher, 0);
    expect(stopwatch.timing(2)).toMatchObject({
      decide_us: 1,
      publish_us: 4,
      bar_to_signal_us: 5,
      bar_to_us: { websocket: 3, redis: 4, file: 6 },
    });
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

  it('begins with what is valid in this very millisecond', () => {
    for (const [ms, bars] of [
      [0, ['12:35 7', '12:36 7']],
      [1, ['12:36 7']],
    ] as const) {
      const publisher = open();
      for (const index of [0, 1]) publish(publisher, index);
      held = [7];
      left = [];
      publisher.hold(7, at(0, 150_100 + ms));
      expect(left.filter((line) => line.startsWith('file XAUUSD')).map((line) => line.slice(19))).toEqual(bars);
      held = [null];
    }
  });

  it('of a new holder ends as soon as the lease is lost, and nothing follows without one', () => {
    const publisher = open();
    publish(publisher, 0);
    held = [7, null];
    publisher.hold(7, at(0, 200));
    expect(batches).toEqual(['websocket 2']);
    publisher.hold(null, at(0, 300));
    expect(batches).toEqual(['websocket 2']);
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

  it('counts a batch with the final heartbeat of one pair as the last one of a lease', () => {
    const publisher = open();
    held = [7];
    publisher.hold(7, at(0));
    const last = [answer(0, 1), answer(1, 1, 'SHUTDOWN')];
    publisher.publish([{}, {}] as unknown as MinuteItem[], () => last, at(1));
    left = [];
    publish(publisher, 2);
    expect([left, publisher.withheld]).toEqual([[], 2]);
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
