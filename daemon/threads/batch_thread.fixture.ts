import { readFileSync } from 'node:fs';

export interface Scheduling {
  readonly isBatch: boolean;
  readonly sliceMs: number;
}

const BATCH_POLICY = 3;

/** By the kernel's own account of a thread, null where it gives none. @param thread below /proc */
export function schedulingOf(thread = 'thread-self'): Scheduling | null {
  try {
    const account = readFileSync(`/proc/${thread}/sched`, 'utf8');
    const figure = (name: string): number => Number(new RegExp(`^${name} *: *(\\d+)$`, 'm').exec(account)![1]);
    return { isBatch: figure('policy') === BATCH_POLICY, sliceMs: figure('se\\.slice') / 1e6 };
  } catch {
    return null;
  }
}

export const BATCH_SCHEDULING: Scheduling = { isBatch: true, sliceMs: 100 };

/** Linux since 6.12. */
export const HAS_SLICES = schedulingOf() !== null;
export const SLICE_NOTE = HAS_SLICES ? '' : ' (no time slices of threads here)';
