import type { BenchResult } from './parts.ts';

/**
 * The figures of all parts after some were measured again: the machine and time are those of the first run; the parts
 * of later runs are listed in `again`.
 */
export function withParts(before: BenchResult | undefined, fresh: BenchResult): BenchResult {
  const parts = Object.keys(fresh).filter((key) => key !== 'machine');
  const kept = Object.keys(before ?? {}).filter((key) => key !== 'machine' && key !== 'again');
  if (before === undefined || kept.every((part) => parts.includes(part))) return fresh;
  const earlier = (before.again ?? [])
    .map((run) => ({ ...run, parts: run.parts.filter((part) => !parts.includes(part)) }))
    .filter((run) => run.parts.length > 0);
  return { ...before, ...fresh, machine: before.machine, again: [...earlier, { machine: fresh.machine, parts }] };
}
