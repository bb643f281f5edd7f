/** The lease of a daemon as its journal has it. */
export interface JournaledLease {
  /** Of its signals; null = it publishes none. */
  readonly fence: number | null;
  /** Of another daemon, seen without a lease. */
  readonly seen?: number;
}

const SEEN = 'seen ';

export function leaseText({ fence, seen }: JournaledLease): string {
  if (fence !== null) return `${fence}`;
  return seen === undefined ? '' : `${SEEN}${seen}`;
}

export function parseLeaseText(text: string): JournaledLease {
  if (text === '') return { fence: null };
  return text.startsWith(SEEN) ? { fence: null, seen: fenceOf(text) } : { fence: fenceOf(text) };
}

/** Held or seen; 0 = none. */
export function fenceOf(text: string): number {
  return Number(text.replace(SEEN, ''));
}
