import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { skipNote } from '../../test/skip_note.ts';
import { sharpenTimers, yieldProcessor } from './yield_processor.ts';

const TIMER_SLACK = '/proc/self/timerslack_ns';
const isLinux = process.platform === 'linux';
const note = skipNote(!isLinux, 'not Linux');

it.runIf(isLinux)(`takes the slack from the timers of the main thread${note}`, () => {
  const before = readFileSync(TIMER_SLACK, 'utf8');
  sharpenTimers();
  expect(readFileSync(TIMER_SLACK, 'utf8').trim()).toBe('1');
  writeFileSync(TIMER_SLACK, before);
});

// Some sleeps end before they begin.
it.runIf(isLinux)(`leaves the processor${note}`, () => {
  const before = process.resourceUsage().voluntaryContextSwitches;
  for (let i = 0; i < 100; i++) yieldProcessor();
  expect(process.resourceUsage().voluntaryContextSwitches - before).toBeGreaterThan(50);
});
