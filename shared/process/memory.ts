import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Resident memory of a process in bytes, as Linux tells it; null elsewhere, or when the process has ended. */
export function residentBytes(pid: number | undefined): number | null {
  if (pid === undefined || process.platform !== 'linux') return null;
  try {
    // Source: proc(5), /proc/[pid]/status.
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}

/** Memory that this process may use, in bytes: a container may have less than its machine. */
export function usableMemoryBytes(): number {
  // 0 where no limit is set.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}
