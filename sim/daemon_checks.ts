import type { Daemon } from '../daemon/daemon.ts';
import type { MachineOptions } from './machine_options.ts';
import type { Oracle } from './oracle.ts';
import { subjectsOf } from './variety.ts';

/** A feeder resumes after `last_bars`, so they must equal the newest bars in the journal. */
export function checkLastBars({ truth, journal, onViolation }: MachineOptions, daemon: Daemon): void {
  if (truth.disks.isJournalRefusing) return;
  const stored = new Map<string, number>();
  for (const { kind, subject, time } of journal.inputs)
    if (kind === 'bar' || kind === 'empty') stored.set(subject, Math.max(time, stored.get(subject) ?? 0));
  const expected = Object.fromEntries(
    [...stored].map(([symbol, time]) => [symbol, new Date(time * 1000).toISOString()]),
  );
  const { last_bars } = daemon.health();
  for (const symbol of new Set([...Object.keys(expected), ...Object.keys(last_bars)]))
    if (last_bars[symbol] !== expected[symbol])
      onViolation('last_bars differ from the journal', `${symbol}: ${last_bars[symbol]}, stored ${expected[symbol]}`);
}

/** The last daemon finally halts every pair that had a minute; one with a successor, or without the lease, does not. */
export function checkFinalHeartbeats(
  { oracle, onViolation }: MachineOptions,
  { bootId, lease }: Daemon,
  isSucceeded: boolean,
): void {
  const held = lease();
  if (held?.role === 'standby') return;
  const lastReason = new Map<string, string>();
  for (const { signal } of oracle.published.values())
    if (signal.boot_id === bootId && signal.fence === (held?.fence ?? undefined))
      lastReason.set(signal.pair_id, `${signal.mode} ${signal.reason}`);
  for (const [pairId, reason] of lastReason)
    if ((reason === 'HALT SHUTDOWN') === isSucceeded)
      onViolation('final heartbeat', `${pairId} of ${bootId}: ${reason}, ${isSucceeded ? '' : 'not '}succeeded`);
}

/** Every signal that the process published is in the journal, except up to `inFlight` batches. */
export function checkNothingLost(
  { settings, truth, journal, oracle, onViolation }: MachineOptions,
  bootId: string,
  inFlight: number,
): void {
  if (truth.disks.isJournalBehind) return;
  for (const { id: pairId } of subjectsOf(settings)) {
    const stored = journal.signals.findLast((row) => row.pairId === pairId && row.bootId === bootId)?.seq ?? 0;
    const lost = seqsOf(oracle, pairId, bootId).filter((seq) => seq > stored);
    if (lost.length > inFlight)
      onViolation(
        'published but not journaled',
        `${pairId} of ${bootId}: seq ${lost.join()} published, ${stored} stored`,
      );
  }
}

/** Of the published signals; what a new holder of the lease published again is in the journal by another number. */
function seqsOf({ published }: Oracle, pairId: string, bootId: string): number[] {
  return [...published.values()].flatMap(({ signal, isTakeover }) =>
    signal.boot_id === bootId && signal.pair_id === pairId && !isTakeover ? [signal.seq] : [],
  );
}
