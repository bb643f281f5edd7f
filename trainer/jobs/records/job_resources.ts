import { availableParallelism } from 'node:os';
import type { JobWait } from './job_event.ts';

/** What a job takes of a machine. */
export interface JobNeeds {
  readonly cores: number;
  readonly memoryMb: number;
}

export interface Machine {
  /** Cores that jobs may take together: one stays free for the daemon. */
  readonly cores: number;
  readonly freeMemoryMb: number;
}

/** Cores of this machine that jobs may take together: one stays free for the daemon. */
export const jobCores = (): number => Math.max(1, availableParallelism() - 1);

/** Threads that a document asks for; 0 there means one for each core. */
export function coresOf(
  job: { readonly kind: string; readonly resources?: { readonly workers: number } },
  cores: number,
): number {
  const workers = job.resources?.workers ?? 1;
  return Math.max(1, workers === 0 ? cores : workers);
}

/**
 * Why a queued job cannot begin beside those that run; null when it can. Alone it needs no free cores: it cannot get
 * more of them by waiting.
 */
export function lackFor(
  needs: JobNeeds,
  running: readonly { readonly job_id: number; readonly cores: number }[],
  { cores, freeMemoryMb }: Machine,
): JobWait | null {
  if (freeMemoryMb < needs.memoryMb)
    return { code: 'memory', needed_mb: needs.memoryMb, free_mb: Math.floor(freeMemoryMb) };
  if (running.length === 0) return null;
  const free = Math.max(0, cores - running.reduce((sum, own) => sum + own.cores, 0));
  const needed = Math.min(needs.cores, cores);
  if (needed <= free) return null;
  return { code: 'cores', needed, free, jobs: running.map(({ job_id }) => job_id) };
}
