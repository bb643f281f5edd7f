import type { Machine } from './machine.ts';
import type { BenchResult, EndToEndElsewhere } from './parts.ts';

/** Keys of a result that are no parts. */
const NO_PARTS: readonly string[] = [
  'machine',
  'again',
  'end_to_end_elsewhere',
] satisfies readonly (keyof BenchResult)[];

/**
 * The figures of all parts after some were measured again: the machine and time are those of the first run; the parts
 * of later runs are listed in `again`. How far the daemon is from the null daemon depends on the processor, so results
 * end to end of another processor are kept beside the new ones.
 */
export function withParts(before: BenchResult | undefined, fresh: BenchResult): BenchResult {
  if (before === undefined) return fresh;
  const elsewhere = endToEndElsewhere(before, fresh);
  const further = elsewhere.length > 0 ? { end_to_end_elsewhere: elsewhere } : {};
  const parts = Object.keys(fresh).filter((key) => !NO_PARTS.includes(key));
  const kept = Object.keys(before).filter((key) => !NO_PARTS.includes(key));
  if (kept.every((part) => parts.includes(part))) return { ...fresh, ...further };
  const earlier = (before.again ?? [])
    .map((run) => ({ ...run, parts: run.parts.filter((part) => !parts.includes(part)) }))
    .filter((run) => run.parts.length > 0);
  return {
    ...before,
    ...fresh,
    ...further,
    machine: before.machine,
    again: [...earlier, { machine: fresh.machine, parts }],
  };
}

/** Of each processor but that of the present results, the last. */
function endToEndElsewhere(before: BenchResult, fresh: BenchResult): readonly EndToEndElsewhere[] {
  const known = before.end_to_end_elsewhere ?? [];
  if (fresh.end_to_end === undefined || before.end_to_end === undefined) return known;
  const last = { machine: machineOf(before, 'end_to_end'), end_to_end: before.end_to_end };
  const others = known.filter(({ machine }) => machine.cpu !== last.machine.cpu);
  return [...others, last].filter(({ machine }) => machine.cpu !== fresh.machine.cpu);
}

function machineOf({ machine, again = [] }: BenchResult, part: string): Machine {
  return again.find(({ parts }) => parts.includes(part))?.machine ?? machine;
}
