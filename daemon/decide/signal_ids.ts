import type { OpenTime } from '../../shared/bar.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';
import { heartbeatId, signalId } from './signal_id.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';

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
