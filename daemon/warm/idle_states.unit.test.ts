import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { grantedLatencyUs, IDLE_STATES_NOTE, latencyRequests, MAY_FORBID_IDLE_STATES } from './idle_states.fixture.ts';
import { IdleStates } from './idle_states.ts';
import { JumpingClock } from './jumping_clock.fixture.ts';

const path = join(tmpdir(), `minutehand-latency-${process.pid}`);
afterEach(() => rmSync(path, { force: true }));

it.skipIf(!MAY_FORBID_IDLE_STATES)(`forbids idle states for some milliseconds${IDLE_STATES_NOTE}`, async () => {
  const idleStates = new IdleStates({ clock: MACHINE_CLOCK, scheduler: MACHINE_SCHEDULER });
  // Other processes of this machine may ask for the same meanwhile.
  const areAllowed = (): Promise<void> =>
    vi.waitFor(() => expect(grantedLatencyUs()).toBeGreaterThan(0), { timeout: 20_000 });
  await areAllowed();
  idleStates.forbid();
  expect(grantedLatencyUs()).toBe(0);
  await areAllowed();
  idleStates.forbid();
  expect(grantedLatencyUs()).toBe(0);
  expect(latencyRequests()).toBe(1);
  idleStates.close();
  await areAllowed();
  expect(latencyRequests()).toBe(0);
});

/** Idle states of a file. */
function openIdleStates() {
  writeFileSync(path, '');
  const time = new JumpingClock();
  return {
    time,
    idleStates: new IdleStates({ path, clock: time.clock, scheduler: time.scheduler }),
    /** The last value written, in microseconds. */
    written: () => readFileSync(path).readInt32LE(readFileSync(path).length - 4),
  };
}

it('asks for 0 µs until 3 ms have passed since the last bar, and again at the next', () => {
  const { idleStates, written, time } = openIdleStates();
  for (const gapMs of [2, 2.5, 1]) {
    idleStates.forbid();
    idleStates.forbid();
    time.pass(gapMs);
    expect(written()).toBe(0);
  }
  time.pass(1.9);
  expect(written()).toBe(0);
  time.pass(0.1);
  expect(written()).toBe(2_000_000_000);
  expect(time.isWaiting).toBe(false);
  time.pass(100);
  idleStates.forbid();
  expect(written()).toBe(0);
  time.pass(3);
  expect(written()).toBe(2_000_000_000);
  expect(readFileSync(path)).toHaveLength(16);
});

it('does nothing once it is closed', () => {
  const { idleStates, written, time } = openIdleStates();
  idleStates.forbid();
  idleStates.close();
  idleStates.forbid();
  idleStates.close();
  time.pass(10);
  expect(written()).toBe(0);
});

it('is refused where there is no device, and creates none', () => {
  const open = (): IdleStates => new IdleStates({ clock: MACHINE_CLOCK, scheduler: MACHINE_SCHEDULER, path });
  expect(open).toThrow(/ENOENT/);
  expect(existsSync(path)).toBe(false);
});
