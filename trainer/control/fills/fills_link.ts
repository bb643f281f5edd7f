import { MinutehandError } from '../../../shared/errors.ts';
import { streamRefused } from '../../../shared/redis/redis_refusal.ts';
import type { StreamConnectionState } from '../../../shared/redis/redis_stream.ts';

/** A Redis of somebody else on this machine: `enabled: auto` tries the usual address. */
const FOREIGN = /^(NOAUTH|WRONGPASS)/;

/** The connection by which fills are read from Redis, as a dependency of the trainer. */
export class FillsLink {
  /** Another installation that publishes there; null = none. */
  takenBy: string | null = null;
  #wasUp = false;
  #state: StreamConnectionState | null = null;
  #detail = '';

  enter(state: StreamConnectionState, detail: string): void {
    this.#wasUp ||= state === 'up';
    this.#state = state;
    this.#detail = detail;
  }

  /**
   * Redis that has not answered since the start is not used yet: `enabled: auto`.
   * @throws MinutehandError REDIS_TAKEN, STREAM_REFUSED, REDIS_DOWN
   */
  readonly check = (): void => {
    if (this.takenBy !== null) throw new MinutehandError('REDIS_TAKEN', { seen: this.takenBy });
    const isOfOthers = !this.#wasUp && FOREIGN.test(this.#detail);
    if (this.#state === 'refused' && !isOfOthers) throw streamRefused(this.#detail);
    if (this.#state === 'down' && this.#wasUp) throw new MinutehandError('REDIS_DOWN', { seen: this.#detail });
  };
}
