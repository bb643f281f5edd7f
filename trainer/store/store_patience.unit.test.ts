import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MinutehandError } from '../../shared/errors.ts';
import { isStoreAway, STORE_WAIT_VARIABLE, whileStoreReturns } from './store_patience.ts';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
const wrapped = (cause: unknown): MinutehandError => new MinutehandError('STORE_UNUSABLE', { seen: 'x', cause });

describe('a store that is away', () => {
  it.each([
    withCode('ECONNREFUSED'),
    withCode('57P01'),
    withCode('57P03'),
    new Error('Connection terminated unexpectedly'),
    new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]),
    wrapped(withCode('ECONNRESET')),
    wrapped(wrapped(new Error('Connection terminated due to connection timeout'))),
  ])('is told by %s', (error) => expect(isStoreAway(error)).toBe(true));

  it.each([
    withCode('28P01'),
    withCode('23505'),
    withCode('ENOTFOUND'),
    new Error('syntax error'),
    wrapped(undefined),
    new MinutehandError('DATA_MISSING'),
    'ECONNREFUSED',
    null,
  ])('is not told by %s', (error) => expect(isStoreAway(error)).toBe(false));
});

describe('work that needs the store', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });
  const told: string[] = [];
  const tell = (line: string): void => void told.push(line);
  beforeEach(() => void told.splice(0));

  it('is done again until the store is there, which is told once', async () => {
    vi.stubEnv(STORE_WAIT_VARIABLE, '60000');
    let left = 3;
    const work = vi.fn(() => (left-- > 0 ? Promise.reject(wrapped(withCode('57P01'))) : Promise.resolve('done')));
    const working = whileStoreReturns(work, tell);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await working).toBe('done');
    expect(work).toHaveBeenCalledTimes(4);
    expect(told).toEqual([expect.stringMatching(/^The store is away, and is waited for: .*57P01|STORE|store/)]);
  });

  it('fails with the last reason after the time that it may wait', async () => {
    vi.stubEnv(STORE_WAIT_VARIABLE, '2000');
    const error = withCode('ECONNREFUSED');
    const working = whileStoreReturns(() => Promise.reject(error), tell);
    const failing = expect(working).rejects.toBe(error);
    await vi.advanceTimersByTimeAsync(10_000);
    await failing;
    expect(told).toHaveLength(1);
  });

  it.each([
    { why: 'a person waits for it', waitMs: undefined, error: withCode('ECONNREFUSED') },
    { why: 'the store is there', waitMs: '60000', error: withCode('23505') },
  ])('fails at once where $why', async ({ waitMs, error }) => {
    vi.stubEnv(STORE_WAIT_VARIABLE, waitMs);
    const work = vi.fn(() => Promise.reject(error));
    await expect(whileStoreReturns(work, tell)).rejects.toBe(error);
    expect([work.mock.calls.length, told]).toEqual([1, []]);
  });
});
