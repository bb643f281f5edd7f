import { afterAll, describe, expect, it } from 'vitest';
import { createWorkplace } from './cli_process.ts';

/** Longer than any start: a process that creates a folder in an endless loop never ends. */
const HANGS_MS = 60_000;

const workplace = createWorkplace();
afterAll(() => workplace.remove());

describe.runIf(process.platform === 'linux')('a MINUTEHAND_HOME that cannot be made', { timeout: 4 * HANGS_MS }, () => {
  it.each([
    [['daemon'], 'HOME_UNUSABLE'],
    [['daemon', '--standby'], 'HOME_UNUSABLE'],
    [['trainer'], 'HOME_UNUSABLE'],
    [['up'], 'HOME_UNUSABLE'],
    [['bars', 'check'], 'STORE_UNUSABLE'],
    [['doctor'], '✗ home'],
  ])('ends `minutehand %s` at once: %s', async (args, words) => {
    const env = { MINUTEHAND_HOME: '/proc/minutehand/home' };
    const { code, stdout, stderr } = await workplace.run(args, { env, killAfterMs: HANGS_MS });
    expect(stdout + stderr).toContain(words);
    expect(stdout + stderr).toContain('/proc/minutehand');
    expect(code).toBe(1);
  });
});
