import { describe, expect, it } from 'vitest';
import { heldFor } from './held_files.ts';

/** Work on a file that is held for this long, and that a test's clock alone lets pass. */
function held(ms: number, code = 'EBUSY') {
  let nowMs = 0;
  return {
    work(): string {
      if (nowMs < ms) throw Object.assign(new Error(code), { code });
      return `written after ${nowMs} ms`;
    },
    pause: (of: number) => void (nowMs += of),
  };
}

describe('a file of the account that another program holds', () => {
  it.each(['EBUSY', 'EPERM', 'EACCES'])(
    'is waited for on Windows, and late by a quarter second at most (%s)',
    (code) => {
      const { work, pause } = held(3000, code);
      expect(heldFor(work, 'win32', pause)).toBe('written after 3127 ms');
    },
  );

  it('for longer than five seconds, or elsewhere, is an error', () => {
    const long = held(6000);
    expect(() => heldFor(long.work, 'win32', long.pause)).toThrow('EBUSY');
    const elsewhere = held(3000);
    expect(() => heldFor(elsewhere.work, 'linux', elsewhere.pause)).toThrow('EBUSY');
    const full = held(10, 'ENOSPC');
    expect(() => heldFor(full.work, 'win32', full.pause)).toThrow('ENOSPC');
  });
});
