import { listVersions } from '../../shared/bundle/bundle.ts';
import { readActiveOfSlot, shelfOfSlot } from '../../shared/bundle/shelves/registry.ts';
import { homePaths } from '../../shared/home.ts';
import type { DeliveredPointer } from '../../trainer/control/delivery/delivery_file.ts';
import { deliveredMarks } from '../../trainer/control/delivery/receive.ts';
import { slotOfTimeframe } from '../../shared/subject/written_names.ts';

/** What `models receive` has done. */
export interface Receipt {
  /** What is there when nothing of it is new; else null. */
  readonly found: string | null;
  readonly received: readonly unknown[];
  /** What could not be taken in, in words, when something else could. */
  readonly missing: readonly string[];
}

/**
 * Whether what is active at the sender was not received yet, or is not what this machine has.
 * @throws MinutehandError POINTER_ROLLBACK, POINTER_SIGNATURE, POINTER_EXPIRED, POINTER_MARK
 */
export function isNewHere({ timeframe, pointer }: DeliveredPointer): boolean {
  const paths = homePaths();
  const slot = slotOfTimeframe(timeframe);
  const marks = deliveredMarks(paths, slot);
  marks.check(pointer);
  const received = marks.read();
  if (received !== null && received.serial === pointer.serial) return false;
  const active = readActiveOfSlot(paths.models, slot);
  const folder = shelfOfSlot(slot).folder(paths.models);
  return active?.version !== pointer.version || !listVersions(folder).includes(pointer.version);
}
