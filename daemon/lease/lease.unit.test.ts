import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lease, type LeaseRecord, type LeaseRequest } from './lease.ts';
import { decideLease, NO_LEASE } from './memory_lease.ts';

const LEASE_MS = 1000;
const STEP_MS = 4;

interface Node {
  readonly name: string;
  holder: string;
  /** Its clock: offset + rate · true time. */
  readonly offsetMs: number;
  readonly rate: number;
  lease: Lease;
  pausedUntil: number;
  cutUntil: number;
  pending: { request: LeaseRequest; sentMs: number; arrivesAt: number; record: LeaseRecord | null } | null;
  nextAt: number;
  lastFence: number;
}

type Fault =
  | { kind: 'pause' | 'cut' | 'kill'; at: number; node: number; ms: number }
  | { kind: 'step' | 'lose' | 'revert'; at: number; ms: number };

interface Outcome {
  readonly fences: readonly number[];
  readonly overlaps: readonly string[];
  /** Milliseconds without a holder, longest stretch. */
  readonly longestGapMs: number;
  /** Whether a daemon had not seen the newest fence when the server lost its data. */
  readonly hasMissedFence: boolean;
}

/** A world of daemons and one lease server. */
function simulate(faults: readonly Fault[], seed: number, untilMs: number, lease = Lease as typeof Lease): Outcome {
  let state = seed >>> 0;
  const uniform = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const nodes: Node[] = ['a', 'b', 'c'].map((name, i) => ({
    name,
    holder: name,
    offsetMs: i * 12_345,
    rate: 1 + (uniform() - 0.5) * 0.04,
    lease: new lease({ leaseMs: LEASE_MS, holder: name, floor: 0 }),
    pausedUntil: 0,
    cutUntil: 0,
    pending: null,
    nextAt: i,
    lastFence: 0,
  }));
  let record = NO_LEASE;
  const history: { readonly row: LeaseRecord; readonly until: number }[] = [];
  let serverOffset = 1_700_000_000_000;
  const fences: number[] = [];
  const overlaps: string[] = [];
  let gap = 0;
  let longestGapMs = 0;
  let hasMissedFence = false;
  for (let now = 0; now < untilMs; now += STEP_MS) {
    for (const fault of faults) {
      if (fault.at < now || fault.at >= now + STEP_MS) continue;
      if (fault.kind === 'step') serverOffset += fault.ms;
      else if (fault.kind === 'lose' || fault.kind === 'revert') {
        const { fence } = record;
        hasMissedFence ||= nodes.some(({ lease }) => lease.highestFence < fence);
        record =
          fault.kind === 'lose'
            ? NO_LEASE
            : (history.findLast(({ until }) => until <= now - fault.ms)?.row ?? NO_LEASE);
        // A restarted server ends its connections.
        for (const node of nodes) [node.pending] = [null, node.lease.failed()];
      } else {
        const node = nodes[(fault as { node: number }).node]!;
        if (fault.kind === 'pause') node.pausedUntil = now + fault.ms;
        if (fault.kind === 'cut') node.cutUntil = now + fault.ms;
        if (fault.kind === 'kill') {
          node.holder = `${node.name}${now}`;
          node.lease = new lease({ leaseMs: LEASE_MS, holder: node.holder, floor: node.lastFence });
          node.pending = null;
          node.pausedUntil = now + fault.ms;
        }
      }
    }
    for (const node of nodes) {
      const clock = node.offsetMs + node.rate * now;
      const { pending } = node;
      // The server executes what is on its way also for a paused process.
      if (pending !== null && pending.record === null && now >= pending.arrivesAt) {
        if (now < node.cutUntil) pending.arrivesAt = Infinity;
        else {
          const row = decideLease(record, pending.request, node.holder, serverOffset + now);
          if (row !== record) history.push({ row: record, until: now });
          pending.record = record = row;
          pending.arrivesAt = now + 1 + Math.floor(uniform() * 60);
        }
      }
      if (now < node.pausedUntil || now < node.nextAt) continue;
      node.nextAt = now + 1 + Math.floor(uniform() * LEASE_MS * 0.1);
      if (pending !== null) {
        if (pending.record !== null && now >= pending.arrivesAt) {
          node.lease.answered(pending.request, pending.record, pending.sentMs, clock);
          node.pending = null;
        } else if (clock - pending.sentMs > LEASE_MS / 5) {
          node.lease.failed();
          node.pending = null;
        }
      }
      if (node.lease.mustHalt(clock)) node.lease.stepDown();
      if (node.pending !== null) continue;
      const request = node.lease.request(clock);
      if (request === null) continue;
      node.pending = { request, sentMs: clock, arrivesAt: now + Math.floor(uniform() * 60), record: null };
    }
    const holders = nodes.filter(
      (n) => n.lease.fence !== null && n.lease.holds(n.lease.fence, n.offsetMs + n.rate * now),
    );
    if (holders.length > 1) overlaps.push(`${now}: ${holders.map(({ name }) => name).join(' and ')}`);
    for (const one of holders) {
      const fence = one.lease.fence!;
      one.lastFence = fence;
      if (fence !== fences.at(-1)) fences.push(fence);
    }
    gap = holders.length === 0 ? gap + STEP_MS : 0;
    longestGapMs = Math.max(longestGapMs, gap);
  }
  return { fences, overlaps, longestGapMs, hasMissedFence };
}

const node = fc.integer({ min: 0, max: 2 });
const at = fc.integer({ min: 0, max: 9000 });
const ofDaemon = fc.record({
  kind: fc.constantFrom('pause', 'cut', 'kill'),
  at,
  node,
  ms: fc.integer({ min: 1, max: 4000 }),
});
const step = (min: number) => fc.record({ kind: fc.constant('step'), at, ms: fc.integer({ min, max: 1e9 }) });
const lose = fc.record({ kind: fc.constant('lose'), at, ms: fc.constant(0) });
/** A replica takes over that was so far behind. */
const revert = fc.record({ kind: fc.constant('revert'), at, ms: fc.integer({ min: 0, max: 3000 }) });
/** The fence may fall only when the server loses its data, its clock is set back, and a daemon has missed a fence. */
const faultsOf = (): fc.Arbitrary<Fault[]> =>
  fc.oneof(
    fc.array(fc.oneof(ofDaemon, step(-1e9)), { maxLength: 8 }),
    fc.array(fc.oneof(ofDaemon, step(0), lose, revert), { maxLength: 8 }),
    fc.array(fc.oneof(step(-1e9), lose), { maxLength: 8 }),
  ) as fc.Arbitrary<Fault[]>;

/** The first fence is lost before the others have looked, and the next one is made by a clock that was set back. */
const lostBeforeLook: Fault[] = [
  { kind: 'step', at: 1056, ms: -1233 },
  { kind: 'lose', at: 1100, ms: 0 },
];

describe('a lease', () => {
  it('is never held by two, and its fence only rises, whatever is paused, cut off, killed or set to another time', () => {
    fc.assert(
      fc.property(faultsOf(), fc.integer(), (faults, seed) => {
        const { overlaps, fences, hasMissedFence } = simulate(faults, seed, 10_000);
        expect(overlaps).toEqual([]);
        if (hasMissedFence && faults.some(({ kind, ms }) => kind === 'step' && ms < 0)) return;
        expect(fences).toEqual([...new Set(fences)].sort((x, y) => x - y));
      }),
      { numRuns: 25, examples: [[lostBeforeLook, -1_357_485_050]] },
    );
  });

  it('is never held by two, whatever a server that takes over has lost', () => {
    const any = fc.array(fc.oneof(ofDaemon, step(-1e9), lose, revert), { maxLength: 8 }) as fc.Arbitrary<Fault[]>;
    fc.assert(
      fc.property(any, fc.integer(), (faults, seed) => {
        expect(simulate(faults, seed, 10_000).overlaps).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('is never held by two when a replica takes over that names the former holder', () => {
    const cut = (node: number, at: number, ms: number): Fault => ({ kind: 'cut', at, node, ms });
    for (const first of [0, 1, 2]) {
      const faults: Fault[] = [cut(first, 3000, 1600), { kind: 'revert', at: 4700, ms: 1700 }];
      for (const node of [0, 1, 2]) if (node !== first) faults.push(cut(node, 4600, 2000));
      for (let seed = 0; seed < 5; seed++) expect(simulate(faults, seed, 9000).overlaps).toEqual([]);
    }
  });

  it('is held again within 1.6 of its duration after a holder ends', () => {
    fc.assert(
      fc.property(at, node, fc.integer(), (killedAt, victim, seed) => {
        const { longestGapMs } = simulate([{ kind: 'kill', at: killedAt, node: victim, ms: 1e9 }], seed, 12_000);
        expect(longestGapMs).toBeLessThan(1.6 * LEASE_MS);
      }),
      { numRuns: 5 },
    );
  });

  it('finds two holders when a standby waits for too short a time', () => {
    class Hasty extends Lease {
      override request(nowMs: number): LeaseRequest | null {
        return super.request(nowMs + LEASE_MS / 2);
      }
    }
    const found = Array.from({ length: 20 }, (_, seed) =>
      simulate([{ kind: 'pause', at: 5000, node: seed % 3, ms: 3000 }], seed, 9000, Hasty),
    ).some(({ overlaps }) => overlaps.length > 0);
    expect(found).toBe(true);
  });

  it('is halted before its time is over, and ends before a standby may take it', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 0 });
    lease.answered({ kind: 'look' }, NO_LEASE, 0, 0);
    expect(lease.request(999)).toEqual({ kind: 'look' });
    const take = lease.request(1000)!;
    lease.answered(take, { holder: 'a', fence: 7, beat: 1 }, 1000, 1100);
    expect(lease.holds(7, 1899)).toBe(true);
    expect(lease.mustHalt(1699)).toBe(false);
    expect(lease.mustHalt(1700)).toBe(true);
    expect(lease.holds(7, 1900)).toBe(false);
    expect(lease.holds(6, 1500)).toBe(false);
  });

  it('is taken at once when it was released, and by nobody before a full duration when there is no row', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 0 });
    lease.answered({ kind: 'look' }, { holder: '', fence: 4, beat: 9 }, 0, 1);
    expect(lease.request(2)).toEqual({ kind: 'take', seen: { holder: '', fence: 4, beat: 9 }, floor: 4 });
    lease.failed();
    expect(lease.request(5000)).toEqual({ kind: 'look' });
    lease.answered({ kind: 'look' }, NO_LEASE, 5000, 5001);
    expect(lease.request(5900)).toEqual({ kind: 'look' });
    expect(lease.request(6001)).toEqual({ kind: 'take', seen: NO_LEASE, floor: 4 });
  });

  it('is not taken when the server refuses the take, even if its row has the name of this daemon', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 4 });
    const row = { holder: 'a', fence: 4, beat: 9 };
    lease.answered({ kind: 'look' }, row, 0, 1);
    const take = lease.request(2)!;
    expect(take).toEqual({ kind: 'take', seen: row, floor: 4 });
    // A renewal of the process before this one, or of another with its name, came first.
    lease.answered(take, { ...row, beat: 10 }, 2, 3);
    expect(lease.fence).toBeNull();
  });

  it('is not taken at once from a server that was away, for its row may be an old one', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 0 });
    for (const holder of ['', 'a']) {
      lease.failed();
      lease.answered({ kind: 'look' }, { holder, fence: 4, beat: 9 }, 0, 1);
      expect(lease.request(2)).toEqual({ kind: 'look' });
      expect(lease.request(1001)).toMatchObject({ kind: 'take' });
    }
  });

  it('is taken above every fence that this daemon has had, also from a server that names a lower one', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 50 });
    const seen = { holder: '', fence: 4, beat: 9 };
    lease.answered({ kind: 'look' }, seen, 0, 1);
    expect(lease.request(2)).toEqual({ kind: 'look' });
    expect(lease.request(1001)).toEqual({ kind: 'take', seen, floor: 50 });
  });

  it('is raised by a standby that knows a higher fence, and its holder takes it again above that one', () => {
    const [holder, standby] = ['a', 'b'].map((name, i) => new Lease({ leaseMs: 1000, holder: name, floor: 50 * i }));
    let row = { holder: 'a', fence: 7, beat: 3 };
    holder!.answered({ kind: 'take', seen: NO_LEASE, floor: 0 }, row, 0, 1);
    standby!.answered({ kind: 'look' }, row, 0, 1);
    const raise = standby!.request(2)!;
    expect(raise).toEqual({ kind: 'raise', fence: 7, floor: 50 });
    row = decideLease(row, raise, 'b', 0);
    standby!.answered(raise, row, 2, 3);
    expect(standby!.request(4)).toEqual({ kind: 'look' });
    const renew = holder!.request(300)!;
    holder!.answered(renew, decideLease(row, renew, 'a', 0), 300, 301);
    expect(holder!.fence).toBeNull();
    const take = holder!.request(302)!;
    holder!.answered(take, decideLease(row, take, 'a', 0), 302, 303);
    expect(holder!.fence).toBe(52);
  });

  it('ends at once when the server names another holder', () => {
    const lease = new Lease({ leaseMs: 1000, holder: 'a', floor: 0 });
    const take = { kind: 'take', seen: NO_LEASE, floor: 0 } as const;
    lease.answered(take, { holder: 'a', fence: 7, beat: 1 }, 0, 1);
    lease.answered({ kind: 'renew', fence: 7 }, { holder: 'b', fence: 8, beat: 2 }, 200, 201);
    expect(lease.fence).toBeNull();
    expect(lease.deadlineMs).toBe(-Infinity);
  });
});
