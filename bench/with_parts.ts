import type { BenchResult } from './parts.ts';

/** Keys of a result that are no parts. */
const NO_PARTS: readonly string[] = ['machine', 'again'] satisfies readonly (keyof BenchResult)[];

/**
 * The figures of all parts after some were measured again: the machine and time are those of the first run; the parts
 * of later runs are listed in `again`.
 */
export function withParts(before: BenchResult | undefined, fresh: BenchResult): BenchResult {
  if (before === undefined) return fresh;
  const parts = Object.keys(fresh).filter((key) => !NO_PARTS.includes(key));
  const kept = Object.keys(before).filter((key) => !NO_PARTS.includes(key));
  if (kept.every((part) => parts.includes(part))) return fresh;
  const earlier = (before.again ?? [])
    .map((run) => ({ ...run, parts: run.parts.filter((part) => !parts.includes(part)) }))
    .filter((run) => run.parts.length > 0);
  return {
    ...before,
    ...fresh,
    machine: before.machine,
    again: [...earlier, { machine: fresh.machine, parts }],
  };
}
