import type { OpenTime } from '../../shared/bar.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import { type AnsweredMinute, isHeartbeat } from '../align/minute.ts';
import { hash } from 'node:crypto';

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

/** What an id names of the models that decided. */
type Hashed = { readonly modelsHash: string } | null;

interface PairIds {
  readonly pairId: string;
  readonly barSeconds: number;
  /** Since the pair's last minute. */
  heartbeats: number;
  /** The id of the minute that will probably come next. */
  next: { time: OpenTime; modelsHash: string; id: string };
}

/** Gives each signal its id. The next one is computed while no bar waits: a SHA-256 less on its way. */
export class SignalIds {
  #policyHash: string;
  readonly #pairs: readonly PairIds[];

  constructor(pairs: readonly Pair[], policyHash: string) {
    this.#policyHash = policyHash;
    this.#pairs = pairs.map((pair) => ({
      pairId: pair.id,
      barSeconds: barSecondsOf(pair),
      heartbeats: 0,
      next: { time: 0 as OpenTime, modelsHash: '', id: '' },
    }));
  }

  /** Ids that were computed ahead are those of the policy before. */
  setPolicy(policyHash: string): void {
    this.#policyHash = policyHash;
    for (const { next } of this.#pairs) next.modelsHash = '';
  }

  /** Counts heartbeats; every minute passes here once, whether it is published or not. */
  note(minute: AnsweredMinute): void {
    const pair = this.#pairs[minute.pairIndex]!;
    pair.heartbeats = isHeartbeat(minute) ? pair.heartbeats + 1 : 0;
  }

  idOf(minute: AnsweredMinute, models: Hashed): string {
    const { pairId, heartbeats, next } = this.#pairs[minute.pairIndex]!;
    const modelsHash = hashOf(models);
    if (isHeartbeat(minute)) {
      const kind = minute.outcome === 'SILENCE' ? 'silence' : 'shutdown';
      return heartbeatId(pairId, minute.time, kind, heartbeats, modelsHash, this.#policyHash);
    }
    if (next.time === minute.time && next.modelsHash === modelsHash) return next.id;
    return signalId(pairId, minute.time, modelsHash, this.#policyHash);
  }

  /** Computes the id of the minute after this one. */
  precompute({ pairIndex, time }: AnsweredMinute, models: Hashed): void {
    const { pairId, barSeconds, next } = this.#pairs[pairIndex]!;
    next.time = (time + barSeconds) as OpenTime;
    next.modelsHash = hashOf(models);
    next.id = signalId(pairId, next.time, next.modelsHash, this.#policyHash);
  }
}

function hashOf(models: Hashed): string {
  return models?.modelsHash ?? 'none';
}
