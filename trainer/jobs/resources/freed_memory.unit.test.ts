import { expect, it, vi } from 'vitest';
import { returnFreedMemory, TRIM_EVERY_MS, trimRepeatedly } from './freed_memory.ts';

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
}
const { header } = process.report.getReport() as unknown as Report;
const isGlibc = header.glibcVersionRuntime !== undefined;

it('the system gets freed memory back where the C library is glibc, and elsewhere nothing changes', () => {
  expect(returnFreedMemory()).toBe(process.platform === 'linux' && isGlibc);
  // A second time is the same.
  expect(returnFreedMemory()).toBe(process.platform === 'linux' && isGlibc);
});

it('pages between small arrays are given back by one trim at a time, until it is ended', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let trimmed = (): void => undefined;
    const end = trimRepeatedly(() => trimmed());
    const isTrimming = process.platform === 'linux' && isGlibc;
    expect(vi.getTimerCount()).toBe(isTrimming ? 1 : 0);
    for (let trim = 0; isTrimming && trim < 2; trim++) {
      await new Promise<void>((resolve) => {
        trimmed = resolve;
        // The pause is longer after a slow trim.
        vi.advanceTimersByTime(trim === 0 ? TRIM_EVERY_MS : 3_600_000);
      });
    }
    end();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
