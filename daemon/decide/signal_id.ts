import { hash } from 'node:crypto';
import type { OpenTime } from '../../shared/bar.ts';

/**
 * The identity of a decision: 32 hex digits of SHA-256 over pair, bar, models with their thresholds, and policy.
 * A replay or a second delivery of the same decision has the same id.
 */
export function signalId(pairId: string, time: OpenTime, modelsHash: string, policyHash: string): string {
  return hash('sha256', `${pairId}|${time}|${modelsHash}|${policyHash}`, 'hex').slice(0, 32);
}

/** The identity of the n-th heartbeat after a pair's last minute, and its kind. */
export function heartbeatId(
  pairId: string,
  time: OpenTime,
  kind: 'silence' | 'shutdown',
  heartbeat: number,
  modelsHash: string,
  policyHash: string,
): string {
  return hash('sha256', `${pairId}|${time}|${kind} ${heartbeat}|${modelsHash}|${policyHash}`, 'hex').slice(0, 32);
}
