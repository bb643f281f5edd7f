import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import type { RetrainRun } from './run.ts';
import { afterRunning } from './time_limit.ts';

export const MS_PER_MINUTE = 60_000;
export const BYTES_PER_MB = 1024 * 1024;
const BYTES_PER_KB = 1024;

export interface TimeLimit {
  /** Whether the process was ended by the limit. */
  readonly isExceeded: boolean;
  /** The run has ended. */
  clear(): void;
}

/** Ends a training process that takes longer than `retrain_limit_minutes`. */
export function limitTime(
  stop: () => void,
  { retrain_limit_minutes }: Pick<RetrainPolicy, 'retrain_limit_minutes'>,
): TimeLimit {
  const limit = { isExceeded: false, clear: () => undefined as void };
  if (retrain_limit_minutes === null) return limit;
  limit.clear = afterRunning(retrain_limit_minutes * MS_PER_MINUTE, () => {
    limit.isExceeded = true;
    stop();
  });
  return limit;
}

/** Error of a run that was ended by the limit. */
export function timeLimitError({ stage }: RetrainRun, minutes: number | null): string {
  return `RUN_TIMEOUT: not done within ${minutes} minutes (retrain_limit_minutes), last stage ${stage}; its process was ended`;
}

/**
 * Memory in MB that a run needs: `retrain_min_free_mb`, and at least as much as the last one of its kind took.
 * @param earlier newest first
 */
export function neededMemory(
  kind: RetrainRun['kind'],
  earlier: readonly RetrainRun[],
  { retrain_min_free_mb }: Pick<RetrainPolicy, 'retrain_min_free_mb'>,
): number {
  const last = earlier.find((run) => run.kind === kind && run.peak_memory_bytes !== null)?.peak_memory_bytes ?? 0;
  return Math.max(retrain_min_free_mb, Math.ceil(last / BYTES_PER_MB));
}

/**
 * Why there is too little memory for a run; null when there is enough.
 * @param earlier newest first
 */
export function memoryLack(
  { kind }: RetrainRun,
  earlier: readonly RetrainRun[],
  policy: Pick<RetrainPolicy, 'retrain_min_free_mb'>,
  availableBytes: number,
): string | null {
  const { retrain_min_free_mb } = policy;
  const neededMb = neededMemory(kind, earlier, policy);
  const availableMb = Math.floor(availableBytes / BYTES_PER_MB);
  if (availableMb >= neededMb) return null;
  const source = neededMb > retrain_min_free_mb ? 'what the last run took' : 'retrain_min_free_mb';
  return `RUN_MEMORY: ${availableMb} MB of memory are available, expected at least ${neededMb} (${source})`;
}

/** Memory that a process can allocate without swapping: on Linux including reclaimable caches. */
export function availableMemoryBytes(): number {
  try {
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    if (available !== null) return Number(available[1]) * BYTES_PER_KB;
  } catch {
    // Not Linux.
  }
  return freemem();
}
