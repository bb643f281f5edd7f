import { expect, it } from 'vitest';
import { returnFreedMemory } from './freed_memory.ts';

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
