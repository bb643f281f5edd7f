import { beforeEach, describe, expect, it } from 'vitest';
import type { Scheduler } from '../../shared/ports.ts';
import type { LeaseRecord, LeaseRequest } from './lease.ts';
import { LeaseKeeper } from './lease_keeper.ts';
import { decideLease } from './memory_lease.ts';

const LEASE_MS = 1000;

let nowMs: number;
let offsetMs: number;
let record: LeaseRecord;
let isReachable: boolean;
let events: string[];
let seen: number[];
let tick: () => void;
let lose: () => void;
let resets: number;
let isReady: boolean;
/** Of the store; by default the record after the request. */
let respond: (request: LeaseRequest) => Promise<LeaseRecord>;
/** Resolves when the final signals have left. */
let halted: Promise<void>;
let details: string[];
let keeper: LeaseKeeper;
const requests: LeaseRequest[] = [];

const scheduler: Scheduler = {
  afterTurn: (work) => work(),
  after: () => () => undefined,
  every: (_, work) => {
    tick = work;
    return () => (tick = () => undefined);
  },
};

beforeEach(() => {
  nowMs = 0;
  offsetMs = 0;
  record = { holder: '', fence: 3, beat: 3 };
  isReachable = true;
  events = [];
  resets = 0;
  requests.length = 0;
  seen = [];
  isReady = true;
  details = [];
  halted = Promise.resolve();
  respond = (request) =>
    isReachable ? Promise.resolve((record = decideLease(record, request, 'me', 0))) : new Promise(() => undefined);
  keeper = new LeaseKeeper({
    leaseMs: LEASE_MS,
    holder: 'me',
    floor: 0,
    scheduler,
    maxStepMs: 100,
    store: {
      exchange(request) {
        requests.push(request);
        return respond(request);
      },
      onLost: (listener) => (lose = listener),
      reset: () => void resets++,
      close: () => Promise.resolve(void events.push('closed')),
    },
    clockMs: () => nowMs,
    clockOffsetMs: () => offsetMs,
    isReady: () => isReady,
    onTaken: (fence) => void events.push(`taken ${fence}`),
    onLosing: () => {
      events.push(`halt at ${nowMs}, may publish: ${keeper.isHolder()}`);
      return halted;
    },
    onLost: (inMs) => void events.push(inMs === 0 ? 'lost' : `lost in ${inMs}`),
    onSeen: (fence) => void seen.push(fence),
    onServer: (state, detail) => {
      events.push(state);
      details.push(detail);
    },
  });
});

async function passTo(untilMs: number): Promise<void> {
  for (; nowMs < untilMs; nowMs += 100) {
    tick();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

async function start(): Promise<void> {
  keeper.start();
  await passTo(100);
}

describe('the keeper of a lease', () => {
  it('takes a released lease at once, renews it, and publishes with its fence', async () => {
    expect(keeper.health()).toEqual({ role: 'standby', fence: null, holder: null, server: 'unknown' });
    await start();
    expect(events).toEqual(['up', 'taken 4']);
    await passTo(10_000);
    expect(events).toEqual(['up', 'taken 4']);
    expect([keeper.holds(4), keeper.holds(3)]).toEqual([true, false]);
    expect(keeper.health()).toEqual({ role: 'holder', fence: 4, holder: 'me', server: 'up' });
  });

  it('halts its consumers while it may publish, when the server does not respond, and takes the lease again', async () => {
    await start();
    isReachable = false;
    await passTo(2000);
    expect(events).toEqual(['up', 'taken 4', 'down', 'halt at 700, may publish: true', 'lost in 200']);
    expect(keeper.isHolder()).toBe(false);
    expect(resets).toBeGreaterThan(0);
    isReachable = true;
    await passTo(2900);
    expect(events.slice(5)).toEqual(['up']);
    await passTo(3400);
    expect(events.slice(5)).toEqual(['up', 'taken 5']);
  });

  it('halts nobody when it wakes behind its deadline', async () => {
    await start();
    nowMs = 20_000;
    expect(keeper.holds(4)).toBe(false);
    await passTo(20_100);
    expect(events).toEqual(['up', 'taken 4', 'lost']);
  });

  it('ends at once when another daemon has it, and names that one while it renews', async () => {
    await start();
    record = { holder: 'you', fence: 9, beat: 1 };
    await passTo(500);
    expect(events).toEqual(['up', 'taken 4', 'lost']);
    expect(keeper.health()).toEqual({ role: 'standby', fence: null, holder: 'you', server: 'up' });
    expect(seen).toEqual([3, 9]);
    await passTo(1100);
    expect(keeper.health().holder).toBe('you');
    await passTo(2000);
    expect(events.at(-1)).toBe('taken 10');
  });

  it('leaves the lease to a standby when its wall clock is set, and takes it again if there is none', async () => {
    await start();
    offsetMs = 90;
    await passTo(400);
    expect(events).toHaveLength(2);
    offsetMs = 5000;
    await passTo(600);
    expect(events.slice(2)).toEqual(['halt at 400, may publish: true', 'lost in 700']);
    expect(record.holder).toBe('');
    await passTo(2200);
    expect(keeper.isHolder()).toBe(false);
    await passTo(2800);
    expect(events.at(-1)).toBe('taken 5');
  });

  it('waits for the whole duration again after a lost connection', async () => {
    record = { holder: 'you', fence: 9, beat: 1 };
    await start();
    await passTo(900);
    lose();
    await passTo(1800);
    expect(events).toEqual(['up']);
    await passTo(2200);
    expect(events).toEqual(['up', 'taken 10']);
  });

  it('leaves a free lease to a daemon that is ready, for some time', async () => {
    isReady = false;
    await start();
    await passTo(2900);
    expect(events).toEqual(['up']);
    await passTo(3200);
    expect(events).toEqual(['up', 'taken 4']);
  });

  it('releases the lease when it is closed, and only its own', async () => {
    await start();
    await keeper.close();
    await keeper.close();
    expect(record).toEqual({ holder: '', fence: 4, beat: 4 });
    expect(events.at(-1)).toBe('closed');
    expect(requests.filter(({ kind }) => kind === 'release')).toHaveLength(1);
  });

  it('ignores a response that came after its timeout, and one after its end', async () => {
    await start();
    const late: ((record: LeaseRecord | Error) => void)[] = [];
    respond = () =>
      new Promise((resolve, reject) =>
        late.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
      );
    await passTo(300);
    expect(late).toHaveLength(1);
    await passTo(600);
    expect(late).toHaveLength(2);
    expect(details).toEqual(['connected', 'no response']);
    late[0]!({ holder: 'you', fence: 9, beat: 1 });
    await passTo(700);
    expect(keeper.isHolder()).toBe(true);
    late[1]!({ ...record, beat: record.beat + 1 });
    await passTo(800);
    expect(events.slice(-2)).toEqual(['halt at 700, may publish: true', 'lost in 200']);
    expect(keeper.isHolder()).toBe(false);
    await passTo(1000);
    expect(late).toHaveLength(3);
    const before = events.length;
    await keeper.close();
    late[2]!({ holder: '', fence: 4, beat: 9 });
    await passTo(3000);
    expect(events.slice(before)).toEqual(['closed']);
    expect(late).toHaveLength(3);
  });

  it('halts once, and takes nothing while its final signals are on their way', async () => {
    await start();
    isReachable = false;
    await passTo(600);
    let leave: () => void = () => undefined;
    halted = new Promise((resolve) => (leave = resolve));
    const sent = requests.length;
    await passTo(900);
    isReachable = true;
    await passTo(1500);
    expect(events.filter((event) => event.startsWith('halt'))).toEqual(['halt at 700, may publish: true']);
    expect([requests.length, keeper.health().role]).toEqual([sent, 'standby']);
    leave();
    await passTo(1600);
    expect(events.at(-1)).toBe('lost');
  });

  it('reports a refused request, and no holder that no longer renews', async () => {
    record = { holder: 'you', fence: 9, beat: 1 };
    isReady = false;
    await start();
    expect(keeper.health().holder).toBe('you');
    await passTo(1200);
    expect(keeper.health()).toMatchObject({ holder: null, server: 'up' });
    respond = () => Promise.reject(new Error('permission denied'));
    await passTo(1400);
    expect([details, events.at(-1)]).toEqual([['connected', 'permission denied'], 'down']);
  });

  it.each([
    ['a standby', 'you', true],
    ['a holder whose server does not respond', '', false],
  ])('%s releases nothing when it is closed', async (_, holder, answers) => {
    record = { ...record, holder };
    await start();
    isReachable = answers;
    await passTo(600);
    await keeper.close();
    expect(requests.map(({ kind }) => kind)).not.toContain('release');
    expect(events.at(-1)).toBe('closed');
  });
});
