import { readFileSync } from 'node:fs';

/** By the kernel's own account of a thread, null where it gives none. @param thread below /proc */
export function sliceMs(thread = 'thread-self'): number | null {
  try {
    const slice = /^se\.slice *: *(\d+)$/m.exec(readFileSync(`/proc/${thread}/sched`, 'utf8'))?.[1];
    return slice === undefined ? null : Number(slice) / 1e6;
  } catch {
    return null;
  }
}

/** Linux since 6.12. */
export const HAS_SLICES = sliceMs() !== null;
export const SLICE_NOTE = HAS_SLICES ? '' : ' (no time slices of threads here)';
