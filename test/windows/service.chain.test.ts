import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWindowsWorkplace, IS_WINDOWS, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts';

describe.runIf(IS_WINDOWS)(`the service on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it('is a definition that the Task Scheduler reads, and it removes it again', { timeout: 120_000 }, async () => {
    // Wine starts its Task Scheduler from the first program that asks for it, which then keeps that one's output open.
    const first = `require('node:child_process').spawnSync('schtasks', ['/Delete', '/TN', 'none', '/F'], { stdio: 'ignore' })`;
    await place.start(['-e', first]).ended;
    const installed = await place.run('service', 'install', '--no-start');
    expect(installed.stderr).toBe('');
    expect(installed.code).toBe(0);
    expect(existsSync(join(place.home, 'service', 'task.xml'))).toBe(true);
    const removed = await place.run('service', 'uninstall');
    expect(removed.stderr).toBe('');
    expect(removed.code).toBe(0);
    // There is none any more.
    expect(await place.run('service', 'uninstall')).toMatchObject({ code: 1 });
  });
});
