import * as z from 'zod';
import type { GpuUse } from './gpu_watch.ts';

/** Resource usage of a training run. */
export const runResourcesSchema = z.object({
  /** User and system time of all its threads. */
  cpu_seconds: z.number().nonnegative(),
  /** Peak resident memory. */
  peak_memory_bytes: z.int().nonnegative(),
  /** Wall time from its start to its report. */
  duration_ms: z.int().nonnegative(),
  /** Time in which it used a GPU, and its peak memory there; null without nvidia-smi. */
  gpu_seconds: z.number().nonnegative().nullable().optional(),
  gpu_memory_bytes: z.int().nonnegative().nullable().optional(),
});
export type RunResources = z.infer<typeof runResourcesSchema>;

const BYTES_PER_KB = 1024;

/** Resources used by this process since its start; a training process reports them at its end. */
export function ownResources(gpu: GpuUse): RunResources {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpu_seconds: (userCPUTime + systemCPUTime) / 1e6,
    peak_memory_bytes: maxRSS * BYTES_PER_KB,
    duration_ms: Math.round(process.uptime() * 1000),
    ...gpu,
  };
}
