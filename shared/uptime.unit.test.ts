import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUptime, type UptimeSources } from './uptime.ts';

/** A machine whose clocks a test moves. */
class Machine implements UptimeSources {
  upMs = 1_000_000;
  awakeMs = 0;
  clockMs = 1.7e12;
  readings = 0;
  /** Happens within a reading of the uptime, behind it. */
  within: (() => void) | null = null;

  run(ms: number): void {
    this.upMs += ms;
    this.awakeMs += ms;
    this.clockMs += ms;
  }

  suspend(ms: number): void {
    this.upMs += ms;
    this.clockMs += ms;
  }

  readonly uptimeMs = (): number => {
    this.readings++;
    const { upMs } = this;
    const { within } = this;
    this.within = null;
    within?.();
    return upMs;
  };
  readonly monotonicMs = (): number => this.awakeMs;
  readonly wallMs = (): number => Math.floor(this.clockMs);
}

describe('createUptime', () => {
  it('reads once a second, and is right in between', () => {
    const machine = new Machine();
    const uptimeMs = createUptime(machine);
    for (let i = 0; i < 1000; i++) {
      machine.run(0.5);
      expect(uptimeMs()).toBeCloseTo(machine.upMs, 6);
    }
    expect(machine.readings).toBe(1);
    machine.run(1001);
    expect(uptimeMs()).toBeCloseTo(machine.upMs, 6);
    expect(machine.readings).toBe(2);
  });

  it('counts a suspension at once, also one within a reading, and is not moved by a clock that is set', () => {
    const machine = new Machine();
    const uptimeMs = createUptime(machine);
    uptimeMs();
    machine.suspend(60_000);
    expect(uptimeMs()).toBe(machine.upMs);
    machine.clockMs -= 3_600_000;
    expect(uptimeMs()).toBe(machine.upMs);
    machine.run(2000);
    machine.within = () => machine.suspend(30_000);
    expect(uptimeMs()).toBe(machine.upMs);
    machine.run(2000);
    machine.within = () => machine.run(30_000);
    expect(uptimeMs()).toBe(machine.upMs);
  });

  it('is right, too, where the monotonic clock counts suspensions, as that of Windows does', () => {
    const machine = new Machine();
    const uptimeMs = createUptime(machine);
    uptimeMs();
    for (const sleptMs of [3, 900, 60_000, 40 * 3_600_000]) {
      machine.run(sleptMs);
      expect(uptimeMs()).toBe(machine.upMs);
      machine.clockMs += 7_200_000;
      expect(uptimeMs()).toBe(machine.upMs);
    }
  });

  it('is never behind by more than the tolerance, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('run' as const), ms: fc.double({ min: 0, max: 3000, noNaN: true }) }),
      fc.record({ kind: fc.constant('suspend' as const), ms: fc.double({ min: 0, max: 1e7, noNaN: true }) }),
      fc.record({ kind: fc.constant('set' as const), ms: fc.double({ min: -1e7, max: 1e7, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const machine = new Machine();
        const uptimeMs = createUptime(machine);
        for (const { kind, ms } of steps) {
          if (kind === 'run') machine.run(ms);
          else if (kind === 'suspend') machine.suspend(ms);
          else machine.clockMs += ms;
          // Suspensions below the tolerance add up until the next reading, a second later at most.
          expect(machine.upMs - uptimeMs()).toBeLessThan(6 * steps.length);
          expect(uptimeMs()).toBeLessThanOrEqual(machine.upMs + 1e-6);
        }
      }),
    );
  });

  it('is that of this machine', async () => {
    const uptimeMs = createUptime();
    for (let i = 0; i < 3; i++) {
      const before = uptime() * 1000;
      const own = uptimeMs();
      const after = uptime() * 1000;
      // The kernel tells it in hundredths of a second.
      expect(own).toBeGreaterThanOrEqual(before - 20);
      expect(own).toBeLessThanOrEqual(after + 20);
      await sleep(5);
    }
  });
});
