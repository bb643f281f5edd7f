import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../errors.ts';
import { lockFault } from './home_lock.ts';

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe('A lock that cannot be made', () => {
  it('is a full disk where that is the reason', () => {
    for (const cause of [fault('SQLITE_FULL', 'database or disk is full'), fault('ENOSPC', 'no space left on device')])
      expect(lockFault('/home/x.lock', cause)).toMatchObject({
        code: 'DISK_FULL',
        seen: `/home/x.lock: ${cause.message}`,
      });
  });

  it('else is a home that cannot be used; a known error stays as it is', () => {
    expect(lockFault('/home/x.lock', fault('SQLITE_NOTADB', 'file is not a database')).code).toBe('HOME_UNUSABLE');
    expect(lockFault('/home/x.lock', 'gone').code).toBe('HOME_UNUSABLE');
    const known = new MinutehandError('HOME_LOCKED');
    expect(lockFault('/home/x.lock', known)).toBe(known);
  });
});
