import { beforeEach, describe, expect, it } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import {
  ALL_PARTS,
  type Bus,
  type BusMessage,
  type BusRefusal,
  type ResentMessage,
  type Scheduler,
} from '../../shared/ports.ts';
import { createRedisPublisher, type RedisPublisher } from './redis.ts';

/** A connection whose answers the test gives. Real servers: redis.test.ts. */
class ScriptedBus implements Bus {
  ready = true;
  resets = 0;
  closes = 0;
  readonly sent: string[][] = [];
  readonly resent: string[][] = [];
  readonly answers: { resolve(refusal: BusRefusal | null): void; reject(error: Error): void }[] = [];
  enter: (state: 'up' | 'down', detail: string) => void = () => undefined;

  send(batch: readonly BusMessage[]): Promise<BusRefusal | null> {
    this.sent.push(batch.map(({ text }) => text));
    return new Promise((resolve, reject) => this.answers.push({ resolve, reject }));
  }

  /** A `*` marks what the channels have. */
  resend(messages: readonly ResentMessage[]): Promise<BusRefusal | null> {
    this.resent.push(
      messages.map(({ text, lacking }) => `${(JSON.parse(text) as { n: number }).n}${lacking === DATA ? '*' : ''}`),
    );
    return new Promise((resolve, reject) => this.answers.push({ resolve, reject }));
  }

  reset(): void {
    this.resets++;
  }

  onState(listener: (state: 'up' | 'down', detail: string) => void): void {
    this.enter = listener;
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }
}

let bus: ScriptedBus;
let timers: { ms: number; work: () => void }[];
let states: string[];
let failures: MinutehandError[];
let recoveries: number[];
let nowMs: number;
let publisher: RedisPublisher;

const scheduler: Pick<Scheduler, 'after'> = {
  after(ms, work) {
    const timer = { ms, work };
    timers.push(timer);
    return () => void (timers = timers.filter((other) => other !== timer));
  },
};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const batch = (...texts: string[]) => texts.map((text) => ({ pairId: 'A_B', text }));
const signal = (pairId: string, n: number, valid_until_ms = 100) => ({
  pairId,
  text: JSON.stringify({ n, valid_until_ms }),
});
/** Key and stream. */
const DATA = 5;
const OOM = { words: 'OOM', signals: 1, lacking: [DATA] };

beforeEach(() => {
  bus = new ScriptedBus();
  timers = [];
  states = [];
  failures = [];
  recoveries = [];
  nowMs = 0;
  publisher = createRedisPublisher({
    bus,
    scheduler: scheduler as Scheduler,
    isExpected: true,
    commandTimeoutMs: 700,
    maxBatchesInFlight: 2,
    mayLeave: ({ valid_until_ms }) => valid_until_ms >= nowMs,
    onState: (state, detail) => states.push(`${state}: ${detail}`),
    onFailure: (error) => failures.push(error),
    onRecovered: (missed) => recoveries.push(missed),
  });
});

describe('the publisher over any connection to Redis', () => {
  it('has the state of its connection, and reports each change once', () => {
    expect([publisher.name, publisher.state]).toEqual(['redis', null]);
    bus.enter('down', 'ECONNREFUSED');
    bus.enter('down', 'again');
    expect(publisher.state).toBe('down');
    bus.enter('up', 'connected');
    bus.enter('up', 'connected');
    expect(publisher.state).toBe('up');
    expect(states).toEqual(['down: ECONNREFUSED', 'up: connected']);
  });

  it('is refused while connected only, until a whole batch is taken, and counts what was missed meanwhile', async () => {
    bus.enter('up', 'connected');
    bus.ready = false;
    publisher.publish(batch('0'));
    bus.ready = true;
    publisher.publish(batch('1', '2', '3'));
    bus.answers[0]!.resolve({ words: 'OOM', signals: 2, lacking: [DATA, DATA] });
    await settle();
    expect([publisher.state, publisher.missed, publisher.failures]).toEqual(['refused', 3, 1]);
    bus.enter('down', 'gone');
    expect(publisher.state).toBe('down');
    bus.enter('up', 'connected');
    publisher.publish(batch('4'));
    bus.answers[1]!.resolve(OOM);
    await settle();
    publisher.publish(batch('5'));
    bus.answers[2]!.resolve(null);
    await settle();
    expect([publisher.state, publisher.missed, publisher.failures, failures.length]).toEqual(['up', 4, 2, 1]);
    // Two and one; the one before the refusal is no part of it.
    expect(recoveries).toEqual([3]);
    // Of each time that the connection was away.
    expect(states.at(-1)).toBe('up: 3 signals were missed');
  });

  it('counts what was missed of one time without connection in its report, not of the times before', () => {
    bus.enter('up', 'connected');
    for (const count of [1, 2]) {
      bus.enter('down', 'gone');
      bus.ready = false;
      publisher.publish(batch(...Array.from({ length: count }, (_, i) => `${i}`)));
      bus.ready = true;
      bus.enter('up', 'connected');
    }
    expect(states.filter((state) => state.startsWith('up'))).toEqual([
      'up: connected',
      'up: 1 signals were missed',
      'up: 2 signals were missed',
    ]);
  });

  it('resets a connection that does not answer in time, once, and names the time', async () => {
    bus.enter('up', 'connected');
    publisher.publish(batch('1'));
    expect(timers.map(({ ms }) => ms)).toEqual([700]);
    timers[0]!.work();
    expect(bus.resets).toBe(1);
    bus.enter('down', 'closed');
    bus.answers[0]!.reject(new Error('closed'));
    await settle();
    bus.enter('up', 'connected');
    bus.enter('down', 'closed');
    expect(states).toEqual([
      'up: connected',
      'down: no answer within 700 ms',
      'up: 1 signals were missed',
      'down: closed',
    ]);
    expect([publisher.missed, timers]).toEqual([1, []]);
  });

  it('drops what is beyond the bound in flight, and empty batches', () => {
    publisher.publish([]);
    for (const text of ['1', '2', '3']) publisher.publish(batch(text));
    expect(bus.sent).toEqual([['1'], ['2']]);
    expect(publisher.missed).toBe(1);
  });

  it('closes at once without a batch in flight, sends and reports nothing afterwards, and closes once', async () => {
    bus.enter('up', 'connected');
    await publisher.close();
    await publisher.close();
    publisher.publish(batch('1'));
    bus.enter('down', 'closed');
    expect([bus.closes, bus.resets, bus.sent, timers, states]).toEqual([1, 0, [], [], ['up: connected']]);
    expect(publisher.missed).toBe(0);
  });

  it('waits for the answers of all batches before it closes, but not longer than half a second', async () => {
    publisher.publish(batch('1'));
    publisher.publish(batch('2'));
    let isClosed = false;
    const closed = publisher.close().then(() => (isClosed = true));
    bus.answers[0]!.resolve(null);
    await settle();
    expect([isClosed, bus.closes]).toEqual([false, 0]);
    bus.answers[1]!.resolve(null);
    await closed;
    expect([bus.closes, bus.resets]).toEqual([1, 0]);
  });

  it('resets a connection at the end of a lease when it has not answered what was sent under it', async () => {
    publisher.publish(batch('one'));
    publisher.publish(batch('two'));
    publisher.withdraw!(90);
    bus.answers[0]!.resolve(null);
    await settle();
    const end = timers.find(({ ms }) => ms === 90)!;
    end.work();
    expect(bus.resets).toBe(1);
    bus.answers[1]!.resolve(null);
    await settle();
    publisher.publish(batch('of the next lease'));
    end.work();
    expect(bus.resets).toBe(1);
    bus.answers[2]!.resolve(null);
    await settle();
    timers = [];
    publisher.withdraw!(90);
    expect(timers).toEqual([]);
  });

  it('resets a connection that has not answered within that time, so nothing is sent later', async () => {
    publisher.publish(batch('1'));
    const closed = publisher.close();
    const grace = timers.find(({ ms }) => ms === 500)!;
    expect(bus.resets).toBe(0);
    grace.work();
    await closed;
    expect([bus.closes, bus.resets]).toEqual([1, 1]);
  });
});

describe('the last signal of each pair that Redis missed', () => {
  const answerNext = async (refusal: BusRefusal | null): Promise<void> => {
    bus.answers.shift()!.resolve(refusal);
    await settle();
  };
  const enter = (state: 'up' | 'down'): void => {
    bus.ready = state === 'up';
    bus.enter(state, state);
  };
  beforeEach(() => enter('up'));

  it('is sent once after reconnection, before any later one, and counted', async () => {
    enter('down');
    for (let n = 1; n <= 2; n++) publisher.publish([signal('A_B', n), signal('C_D', 10 * n)]);
    enter('up');
    publisher.publish([signal('A_B', 3)]);
    expect([bus.resent, bus.sent.length]).toEqual([[['2', '20']], 1]);
    await answerNext(null);
    await answerNext(null);
    enter('down');
    enter('up');
    expect([bus.resent.length, publisher.missed, publisher.resent]).toEqual([1, 4, 2]);
  });

  it('is not sent when it has expired, or a later one of its pair was taken', async () => {
    enter('down');
    publisher.publish([signal('A_B', 1, 50), signal('C_D', 2)]);
    nowMs = 51;
    enter('up');
    expect(bus.resent).toEqual([['2']]);
    await answerNext(OOM);
    publisher.publish([signal('C_D', 3)]);
    await answerNext(null);
    enter('down');
    enter('up');
    expect([bus.resent.length, publisher.state, publisher.resent]).toEqual([1, 'up', 0]);
  });

  it('is the newest one whatever the order in which the batches fail', async () => {
    publisher.publish([signal('A_B', 1)]);
    publisher.publish([signal('A_B', 2)]);
    publisher.publish([signal('A_B', 3)]);
    enter('down');
    for (const { reject } of bus.answers.splice(0)) reject(new Error('closed'));
    await settle();
    enter('up');
    expect([bus.resent, publisher.missed]).toEqual([[['3']], 3]);
    enter('down');
    bus.answers.shift()!.reject(new Error('closed'));
    await settle();
    enter('up');
    await answerNext(null);
    // Missed once, whatever became of the first attempt.
    expect([bus.resent, publisher.missed, publisher.resent]).toEqual([[['3'], ['3']], 3, 1]);
  });

  it('is never sent after a newer one, nor remembered instead of it', async () => {
    publisher.publish([signal('A_B', 1)]);
    bus.answers[0]!.resolve(OOM);
    await settle();
    publisher.publish([signal('A_B', 2)]);
    const [retry] = timers.filter(({ ms }) => ms !== 700);
    retry!.work();
    expect(bus.resent).toEqual([]);
    bus.answers[1]!.resolve({ ...OOM, lacking: [ALL_PARTS] });
    await settle();
    timers.find(({ ms }) => ms !== 700)!.work();
    expect(bus.resent).toEqual([['2']]);
    publisher.publish([signal('A_B', 3)]);
    bus.answers[2]!.resolve(OOM);
    bus.answers[3]!.resolve(OOM);
    await settle();
    timers.find(({ ms }) => ms !== 700)!.work();
    expect(bus.resent.at(-1)).toEqual(['3*']);
  });

  it('is sent when the bound in flight was reached and all batches have been answered', async () => {
    for (let n = 1; n <= 4; n++) publisher.publish([signal('A_B', n)]);
    await answerNext(null);
    expect(bus.resent).toEqual([]);
    await answerNext(null);
    await answerNext(null);
    expect([bus.sent.length, bus.resent, publisher.missed, publisher.resent]).toEqual([2, [['4']], 2, 1]);
  });

  it('is offered ever more rarely to a server that is too slow to take it, until one answers', async () => {
    publisher.publish([signal('A_B', 1)]);
    const lose = async (): Promise<void> => {
      bus.answers.pop()!.reject(new Error('Connection is closed.'));
      await settle();
      bus.enter('down', 'lost');
      bus.enter('up', 'connected');
    };
    await lose();
    await lose();
    const pauses: number[] = [];
    const wait = (): void => {
      const [timer] = timers.splice(0);
      pauses.push(timer!.ms);
      timer!.work();
    };
    for (let i = 0; i < 3; i++) {
      expect(bus.resent.length).toBe(i + 2);
      await lose();
      expect(bus.resent.length).toBe(i + 2);
      wait();
    }
    expect(pauses).toEqual([1400, 2800, 5600]);
    bus.answers.pop()!.resolve(null);
    await settle();
    publisher.publish([signal('A_B', 2)]);
    await lose();
    expect([bus.resent.length, bus.resent.at(-1)]).toEqual([6, ['2']]);
  });

  it('is offered again after a refusal, to the channels only if they lack it, until Redis takes it', async () => {
    publisher.publish([signal('A_B', 1)]);
    await answerNext(OOM);
    publisher.publish([signal('C_D', 2)]);
    await answerNext({ ...OOM, lacking: [ALL_PARTS] });
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(timers.map(({ ms }) => ms)).toEqual([10_000]);
      timers.shift()!.work();
      await answerNext(attempt === 0 ? { ...OOM, signals: 2, lacking: [DATA, ALL_PARTS] } : null);
    }
    expect(bus.resent).toEqual([
      ['1*', '2'],
      ['1*', '2'],
    ]);
    expect([timers, publisher.state, recoveries]).toEqual([[], 'up', [2]]);
    expect([publisher.missed, publisher.resent, publisher.failures, failures.length]).toEqual([2, 2, 3, 1]);
  });
});
