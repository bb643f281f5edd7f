import { z } from 'zod';

/** Resource usage of a training run. */
export const runResourcesSchema = z.object({
  /** User and system time of all its threads. */
  cpu_seconds: z.number().nonnegative(),
  /** The most memory that was resident at once. */
  peak_memory_bytes: z.int().nonnegative(),
  /** Wall time from its start to its report. */
  duration_ms: z.int().nonnegative(),
});
export type RunResources = z.infer<typeof runResourcesSchema>;

const BYTES_PER_KB = 1024;

/** Resource usage of this process since its start: reported by a training process at its end. */
export function ownResources(): RunResources {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpu_seconds: (userCPUTime + systemCPUTime) / 1e6,
    peak_memory_bytes: maxRSS * BYTES_PER_KB,
    duration_ms: Math.round(process.uptime() * 1000),
  };
}
