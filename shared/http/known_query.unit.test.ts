import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../errors.ts';
import { checkQuery } from './known_query.ts';

const BARS = { backfill: ['0', '1'], boot_id: null };
const check = (query: string, known = BARS): string | null => {
  try {
    checkQuery(new URLSearchParams(query), known);
    return null;
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'QUERY_UNKNOWN') throw error;
    return error.message;
  }
};

describe('parameters of an address', () => {
  it.each(['', 'backfill=1', 'backfill=0', 'boot_id=anything', 'backfill=1&boot_id='])('may be "%s"', (query) => {
    expect(check(query)).toBeNull();
  });

  it.each([
    ['backfil=1', 'backfil (did you mean "backfill"?). Expected: backfill, boot_id.'],
    ['backfill=true', 'backfill=true. Expected: backfill=0, backfill=1.'],
    ['backfill=1&backfill=yes', 'backfill=yes'],
    ['backfill', 'backfill=. Expected'],
    ['Backfill=1', 'Backfill (did you mean "backfill"?)'],
    ['toString=1', 'toString'],
    ['__proto__=1', '__proto__'],
  ])('may not be "%s"', (query, seen) => {
    expect(check(query)).toContain(seen);
  });

  it('are none where none is known', () => {
    expect(check('', {} as typeof BARS)).toBeNull();
    expect(check('limit=3', {} as typeof BARS)).toContain('Expected: no parameter.');
  });
});
