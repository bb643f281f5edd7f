import { expect, it } from 'vitest';
import { orRelease } from './or_release.ts';

/** Counts its releases. */
function held() {
  const own = {
    releases: 0,
    release(): Promise<void> {
      own.releases++;
      return Promise.resolve();
    },
  };
  return own;
}

it('holds what the work is done with', async () => {
  const own = held();
  const seen: unknown[] = [];
  expect(await orRelease(own, (given) => seen.push(given))).toBe(own);
  expect(await orRelease(own, (given) => Promise.resolve(seen.push(given)))).toBe(own);
  expect(seen).toEqual([own, own]);
  expect(own.releases).toBe(0);
});

it('releases what the work fails with, at once or by its promise', async () => {
  const failure = new Error('refused');
  const own = held();
  const refuse = (): never => {
    throw failure;
  };
  await expect(orRelease(own, refuse)).rejects.toBe(failure);
  expect(own.releases).toBe(1);
  await expect(orRelease(own, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(own.releases).toBe(2);
});
