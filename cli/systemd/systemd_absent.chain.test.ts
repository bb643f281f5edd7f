import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { openSystemd } from './systemd.ts';

const { cache } = createRequire(import.meta.url);
const isKoffiLoaded = (): boolean => Object.keys(cache).some((path) => path.includes('koffi'));

describe('a process that was not started by systemd', () => {
  it('sends nothing, and does not load the binding to the C library', () => {
    const never = (): never => {
      throw new Error('asked');
    };
    const systemd = openSystemd(never, { WATCHDOG_USEC: '1000' });
    systemd.starting('reads history');
    systemd.ready({ status: never, isMoving: never });
    systemd.stopping('SIGTERM');
    expect(isKoffiLoaded()).toBe(false);
    openSystemd(() => undefined, { NOTIFY_SOCKET: '/nobody/listens' });
    expect(isKoffiLoaded()).toBe(true);
  });
});
