import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { IDLE_STATES_NOTE, latencyRequests, MAY_FORBID_IDLE_STATES } from './idle_states.fixture.ts';
import { IdleStates } from './idle_states.ts';

const path = join(tmpdir(), `minutehand-latency-${process.pid}`);
afterEach(() => rmSync(path, { force: true }));

it.skipIf(!MAY_FORBID_IDLE_STATES)(`forbids idle states until it allows them${IDLE_STATES_NOTE}`, () => {
  const idleStates = new IdleStates();
  expect(latencyRequests()).toBe(0);
  idleStates.forbid();
  idleStates.forbid();
  expect(latencyRequests()).toBe(1);
  // What the kernel grants to all processes together, in microseconds.
  expect(readFileSync('/dev/cpu_dma_latency').readInt32LE()).toBe(0);
  idleStates.allow();
  idleStates.allow();
  expect(latencyRequests()).toBe(0);
});

it('asks for 0 µs', () => {
  writeFileSync(path, '');
  const idleStates = new IdleStates(path);
  expect(readFileSync(path)).toHaveLength(0);
  idleStates.forbid();
  expect([...readFileSync(path)]).toEqual([0, 0, 0, 0]);
  idleStates.allow();
});

it('is refused where there is no device, and creates none', () => {
  expect(() => new IdleStates(path)).toThrow(/ENOENT/);
  expect(existsSync(path)).toBe(false);
});

it('lets processors sleep when the request fails later', () => {
  writeFileSync(path, '');
  const idleStates = new IdleStates(path);
  rmSync(path);
  idleStates.forbid();
  idleStates.allow();
  expect(existsSync(path)).toBe(false);
});
