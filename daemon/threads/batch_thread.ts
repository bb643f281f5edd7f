import { createRequire } from 'node:module';
import { getPriority } from 'node:os';
import type * as Koffi from 'koffi';

const require = createRequire(import.meta.url);

/** Numbers of the system call sched_setattr, which older C libraries lack. */
const SCHED_SETATTR: Readonly<Partial<Record<string, number>>> = { x64: 314, arm64: 274 };
/* struct sched_attr (sched_setattr(2)). */
const ATTRIBUTES_BYTES = 48;
const POLICY_AT = 4;
const NICE_AT = 16;
const SLICE_NS_AT = 24;
const SCHED_BATCH = 3;
/** The longest that Linux takes. */
const SLICE_NS = 100_000_000n;
const THIS_THREAD = 0;

let setAttributes: ((thread: number, attributes: Uint8Array) => number) | undefined;

/**
 * A batch thread does not preempt the one that runs when it wakes (SCHED_BATCH, sched(7)). With a longer time slice
 * than others it also yields at once to those that wake, at the same share of the processor: since Linux 6.12, where it
 * otherwise runs for up to 4 ms first. Elsewhere nothing changes.
 * @returns whether Linux accepted it
 */
export function scheduleAsBatch(thread = THIS_THREAD): boolean {
  try {
    setAttributes ??= openSystemCall();
    const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
    attributes.writeUInt32LE(ATTRIBUTES_BYTES, 0);
    attributes.writeUInt32LE(SCHED_BATCH, POLICY_AT);
    attributes.writeInt32LE(getPriority(thread), NICE_AT);
    attributes.writeBigUInt64LE(SLICE_NS, SLICE_NS_AT);
    return setAttributes(thread, attributes) === 0;
  } catch {
    // Without koffi, or on another system, the thread stays as it is.
    return false;
  }
}

/** @throws Error on other systems, or where koffi does not load */
function openSystemCall(): NonNullable<typeof setAttributes> {
  const number = process.platform === 'linux' ? SCHED_SETATTR[process.arch] : undefined;
  if (number === undefined) throw new Error(`no sched_setattr for ${process.platform} ${process.arch}`);
  const koffi = require('koffi') as typeof Koffi;
  const call = koffi
    .load(null)
    .func('long syscall(long number, long thread, const uint8_t *attributes, long flags)') as (
    ...values: readonly [number: number, thread: number, attributes: Uint8Array, flags: number]
  ) => number;
  return (thread, attributes) => call(number, thread, attributes, 0);
}
