import { BLOCKED_PAUSES_MS, patiently, PATIENT_PAUSES_MS, pauseThread } from '../../shared/durable_file.ts';

/**
 * Work on a file of the account that a scanner, an indexer or a reader of Windows may hold: five seconds of that delay
 * the account, and end nothing. Elsewhere no program blocks another one's files, and a refusal is lasting.
 */
export function heldFor<Result>(
  work: () => Result,
  platform: NodeJS.Platform = process.platform,
  pause: (ms: number) => void = pauseThread,
): Result {
  return patiently(work, platform === 'win32' ? PATIENT_PAUSES_MS : BLOCKED_PAUSES_MS, pause);
}
