import { beforeEach, describe, expect, it } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import type { Bus, BusMessage, BusRefusal, Scheduler } from '../../shared/ports.ts';
import { createRedisPublisher, type RedisPublisher } from './redis.ts';

/** A connection whose answers the test gives. Real servers: redis.test.ts. */
class ScriptedBus implements Bus {
  ready = true;
  resets = 0;
  closes = 0;
  readonly sent: string[][] = [];
  readonly answers: { resolve(refusal: BusRefusal | null): void; reject(error: Error): void }[] = [];
  enter: (state: 'up' | 'down', detail: string) => void = () => undefined;

  send(batch: readonly BusMessage[]): Promise<BusRefusal | null> {
    this.sent.push(batch.map(({ text }) => text));
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

beforeEach(() => {
  bus = new ScriptedBus();
  [timers, states, failures, recoveries] = [[], [], [], []];
  publisher = createRedisPublisher({
    bus,
    scheduler: scheduler as Scheduler,
    isExpected: true,
    commandTimeoutMs: 700,
    maxBatchesInFlight: 2,
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
    bus.answers[0]!.resolve({ words: 'OOM', signals: 2 });
    await settle();
    expect([publisher.state, publisher.missed, publisher.failures]).toEqual(['refused', 3, 1]);
    bus.enter('down', 'gone');
    expect(publisher.state).toBe('down');
    bus.enter('up', 'connected');
    publisher.publish(batch('4'));
    bus.answers[1]!.resolve({ words: 'OOM', signals: 1 });
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
      publisher.publish(batch(...Array.from({ length: count }, String)));
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
