import { describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.ts';
import { streamRefused } from './redis_refusal.ts';
import { exhaustion } from './stream_sizes.ts';

describe('the refusal to read a stream', () => {
  it.each([
    ['UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)', /primary/],
    ["READONLY You can't write against a read only replica.", /primary/],
    [exhaustion('minutehand:bars', '18446744073709551615-1')!, /named rights/],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', /must be a stream/],
    ["OOM command not allowed when used memory > 'maxmemory'.", /maxmemory/],
  ])('by “%s” names what helps', (words, next) => {
    expect(streamRefused(words)).toMatchObject({
      code: 'STREAM_REFUSED',
      seen: words,
      next: expect.stringMatching(next) as string,
    });
  });

  it('names the rights otherwise', () => {
    expect(streamRefused('NOPERM this user has no permissions').next).toBe(ERRORS.STREAM_REFUSED.next);
  });
});
