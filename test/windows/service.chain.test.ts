import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWindowsWorkplace, installTask, IS_WINDOWS, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts';

describe.runIf(IS_WINDOWS)(`the service on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it('is a definition that the Task Scheduler reads, and it removes it again', { timeout: 120_000 }, async () => {
    const started = await installTask(place);
    expect(started.slice(-2)).toEqual(['up', '--replace']);
    expect(existsSync(join(place.home, 'service', 'task.xml'))).toBe(true);
    const removed = await place.run('service', 'uninstall');
    expect(removed.stderr).toBe('');
    expect(removed.code).toBe(0);
    // There is none any more.
    expect(await place.run('service', 'uninstall')).toMatchObject({ code: 1 });
  });
});
