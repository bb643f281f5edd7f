import { createHash } from 'node:crypto';
import type { OpenTime } from '../bar.ts';

/**
 * The identity of a decision: 32 hex digits of SHA-256 over pair, bar, models with their thresholds, and policy.
 * A replay or a second delivery of the same decision has the same id.
 */
export function signalId(pairId: string, time: OpenTime, modelsHash: string, policyHash: string): string {
  return createHash('sha256').update(`${pairId}|${time}|${modelsHash}|${policyHash}`).digest('hex').slice(0, 32);
}
