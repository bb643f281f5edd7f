import type { LeaseWorld } from './lease_world.ts';
import type { Machine } from './machine.ts';
import type { Oracle, Seen } from './oracle.ts';
import type { ShadowWatch } from './shadow_watch.ts';
import type { Truth } from './truth.ts';

export interface SignalWatchOptions {
  readonly oracle: Oracle;
  readonly truth: Truth;
  readonly machine: Machine;
  readonly lease: LeaseWorld | null;
  /** null: no shadow sets in this world. */
  readonly shadowWatch: ShadowWatch | null;
  see(name: string): void;
  trace(line: () => string): void;
}

/** Observes every signal when it first leaves the daemon. */
export class SignalWatch {
  readonly #options: SignalWatchOptions;
  readonly #lastByPair = new Map<string, Seen>();

  constructor(options: SignalWatchOptions) {
    this.#options = options;
  }

  /** A text leaves the daemon on some transport. */
  publish(text: string): void {
    const { oracle, truth, machine, lease, shadowWatch, trace } = this.#options;
    const fresh = oracle.publish(text);
    if (fresh === null) return;
    const { pair_id, timestamp, seq, action, reason, mode, target, model_version } = fresh.signal;
    trace(
      () =>
        `signal ${pair_id} ${timestamp} seq ${seq} ${action} ${reason} ${mode} target ${target} models ${model_version}`,
    );
    truth.receive(fresh);
    machine.receive(fresh);
    lease?.receive(fresh);
    if (!fresh.isTakeover) shadowWatch?.receive(fresh);
    this.#note(fresh.signal);
  }

  #note(signal: Seen): void {
    const { machine, see } = this.#options;
    this.#lastByPair.set(signal.pair_id, signal);
    const { reason, mode, generated_at_ms, valid_until_ms } = signal;
    if (reason === 'SILENCE') see(`heartbeat ${mode}`);
    if (valid_until_ms < generated_at_ms) see('signal born expired');
    if (mode === 'DEGRADED')
      for (const what of machine.daemon?.pipeline.status.degradations ?? []) see(`degraded: ${what}`);
  }

  haltsLifted(): void {
    for (const { reason, mode } of this.#lastByPair.values())
      if (reason === 'IN_POSITION' && mode === 'HALT') this.#options.see('halt lifted while a position is open');
  }
}
