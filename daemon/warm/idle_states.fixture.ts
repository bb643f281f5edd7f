import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const DEVICE = '/dev/cpu_dma_latency';

export const MAY_FORBID_IDLE_STATES = ((): boolean => {
  try {
    closeSync(openSync(DEVICE, 'r+'));
    return true;
  } catch {
    return false;
  }
})();
export const IDLE_STATES_NOTE = MAY_FORBID_IDLE_STATES ? '' : ` (no right to write ${DEVICE})`;

/** Number of this process's requests for the latency of processors. */
export function latencyRequests(): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === DEVICE).length;
}

/** @returns null when it was closed meanwhile */
function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** What the kernel grants to all processes together, in microseconds. */
export function grantedLatencyUs(): number {
  return readFileSync(DEVICE).readInt32LE();
}
