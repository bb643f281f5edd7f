import { beforeEach, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { LeaseWorld, LEASE_SECONDS } from './lease_world.ts';
import type { Seen } from './oracle.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import { createTimeline, type Timeline } from './timeline.ts';

const NO_LEASE = { holder: '', fence: 0, beat: 0 };
const EPOCH_MS = 1_760_443_200_000;

let timeline: Timeline;
let world: LeaseWorld;
let owner: SimulatedProcess;
let rules: string[];
beforeEach(() => {
  rules = [];
  timeline = createTimeline(createRng(1));
  world = new LeaseWorld({
    timeline,
    rng: createRng(2),
    planted: null,
    isServing: () => true,
    trueMs: () => EPOCH_MS + timeline.nowMs,
    see: () => undefined,
    trace: () => undefined,
    onViolation: (rule) => rules.push(rule),
  });
  owner = startProcess({
    name: 'daemon',
    timeline,
    rng: createRng(3),
    wallMs: () => 0,
    turnMs: 0,
    onDefect: () => undefined,
  });
});

function receive(fence: number | undefined, reason: Seen['reason'] = 'ENTRY'): void {
  const signal = { pair_id: 'A_B', seq: 1, boot_id: 'b', reason, fence } as Seen;
  world.receive({ signal, atMs: timeline.nowMs, isTakeover: false });
}

/** @returns the fence of the daemon */
async function take(): Promise<number> {
  const taken = world.connect(owner).store.exchange({ kind: 'take', seen: NO_LEASE, floor: 0 });
  await timeline.run(timeline.nowMs + 1000);
  return (await taken).fence;
}

describe('the truth about the lease', () => {
  it('lets a holder publish for nine tenths of the lease, and nobody else', async () => {
    receive(1);
    expect(rules.splice(0)).toEqual(['signal without the lease', 'signal after the lease']);
    const fence = await take();
    expect(fence).toBeGreaterThanOrEqual(EPOCH_MS);
    receive(fence);
    expect(rules).toEqual([]);
    receive(undefined);
    expect(rules.splice(0)).toEqual(['signal without the lease', 'fence does not rise']);
    await timeline.run(1250 * LEASE_SECONDS);
    receive(fence);
    expect(rules).toEqual(['signal after the lease']);
  });

  it('lets nothing follow the final heartbeat of a lease', async () => {
    const fence = await take();
    receive(fence, 'SHUTDOWN');
    receive(fence, 'SHUTDOWN');
    expect(rules).toEqual([]);
    receive(fence);
    expect(rules).toEqual(['signal after the halt of its lease']);
  });

  it('finds a signal after another machine has taken the lease, which waits for its full duration', async () => {
    const fence = await take();
    world.isolate();
    world.startRival();
    await timeline.run(900 * LEASE_SECONDS);
    receive(fence);
    expect(rules).toEqual([]);
    await timeline.run(1200 * LEASE_SECONDS);
    receive(fence);
    expect(rules).toContain('signal without the lease');
  });

  it('has no answer from a server that is down or unreachable, and a lower fence only by lost data and a clock set back', async () => {
    const { store } = world.connect(owner);
    world.server.isDown = true;
    const refused = expect(store.exchange({ kind: 'look' })).rejects.toThrow('refused');
    await timeline.run(100);
    await refused;
    world.server.isDown = false;
    world.isolate();
    let isAnswered = false;
    void store.exchange({ kind: 'look' }).then(() => (isAnswered = true));
    await timeline.run(200);
    expect(isAnswered).toBe(false);
    world.reconnect();
    await take();
    world.server.loseData();
    await take();
    expect(rules).toEqual([]);
    world.server.loseData();
    world.serverOffsetMs = -60_000;
    await take();
    expect(rules).toEqual(['fence does not rise']);
  });
});
