import type { Logger } from 'pino';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { Channel, SendFailure } from './channels/channel.ts';
import type { Deliveries, Delivery } from './deliveries.ts';

export interface SenderPace {
  /** Time limit of a call including the response. */
  readonly sendMs: number;
  /** Longer than any call: afterward another sender takes over the deliveries of a dead one. */
  readonly leaseMs: number;
  /** Pause after the first failure, doubled after each further one. */
  readonly firstPauseMs: number;
}

const PACE: SenderPace = { sendMs: 10_000, leaseMs: 15_000, firstPauseMs: 1000 };
const MAX_PAUSE_MS = 300_000;
/** Attempts for a rejected message, since a server may err. */
const REFUSALS = 3;
/** More pending messages than this are grouped into one. */
const GROUP_OVER = 3;
const MS_PER_HOUR = 3_600_000;

export interface SenderOptions {
  readonly deliveries: Deliveries;
  readonly channels: readonly Channel[];
  readonly policy: Pick<
    RetrainPolicy,
    'notification_routes' | 'notification_rate_per_minute' | 'notification_retry_hours' | 'notification_repeat_hours'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: as above. */
  readonly pace?: SenderPace;
  /** Called when a message was given up, or accepted again after that. */
  onChannel(channel: Channel, failure: SendFailure | null): Promise<void>;
}

/** Sends the messages of one outbox, each channel at its own pace. */
export class Sender {
  readonly #options: SenderOptions;
  /** Channels that are sending: a slow one does not delay others. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #ending = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Routes new messages and lets every channel that is free send what is due. @throws what the store throws */
  async pass(): Promise<void> {
    const { deliveries, channels, policy, clock } = this.#options;
    if (policy.notification_repeat_hours !== null)
      await deliveries.repeat(policy.notification_repeat_hours * MS_PER_HOUR, clock.nowMs());
    await deliveries.route(channels, policy.notification_routes, clock.nowMs());
    for (const channel of channels) {
      if (this.#busy.has(channel.name)) continue;
      const work = this.#serve(channel).finally(() => this.#busy.delete(channel.name));
      this.#busy.set(channel.name, work);
    }
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  /** Aborts sending; another sender continues. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.settled();
  }

  async #serve(channel: Channel): Promise<void> {
    try {
      while (!this.#ending.signal.aborted && (await this.#sendNext(channel)));
    } catch (error) {
      this.#options.log.warn({ err: error, channel: channel.name }, 'the outbox cannot be read');
    }
  }

  /** @returns whether there may be more to send at once */
  async #sendNext(channel: Channel): Promise<boolean> {
    const { deliveries, policy, clock, pace = PACE } = this.#options;
    const waiting = await deliveries.waiting(channel.name);
    const [first] = waiting;
    const nowMs = clock.nowMs();
    // In order: a resolution never arrives before its alert.
    if (first === undefined || first.due_ms > nowMs) return false;
    if ((await deliveries.freeAt(channel.name, policy.notification_rate_per_minute, nowMs)) > nowMs) return false;
    const due =
      channel.groups && waiting.length > GROUP_OVER ? waiting.filter(({ due_ms }) => due_ms <= nowMs) : [first];
    const batch = await deliveries.claim(due, nowMs, pace.leaseMs);
    if (batch.length === 0) return false;
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(pace.sendMs)]);
    const failure = await channel.send(
      batch.map(({ message }) => message),
      signal,
    );
    if (failure === null) {
      await deliveries.sent(batch, clock.nowMs());
      await this.#options.onChannel(channel, null);
      return true;
    }
    // A stopping trainer releases its claimed deliveries.
    if (this.#ending.signal.aborted) return deliveries.retryAt(batch, clock.nowMs(), 'cut off').then(() => false);
    return this.#failed(channel, batch, failure);
  }

  async #failed(channel: Channel, batch: readonly Delivery[], failure: SendFailure): Promise<boolean> {
    const { deliveries, policy, clock, log, pace = PACE } = this.#options;
    const { reason, retryAfterMs, isRefused } = failure;
    const attempts = batch[0]!.attempts + 1;
    const nowMs = clock.nowMs();
    const ageMs = nowMs - batch[0]!.created_ms;
    log.warn({ channel: channel.name, reason, attempts, messages: batch.length }, 'a notification was not accepted');
    if (attempts === REFUSALS) await this.#options.onChannel(channel, failure);
    if ((isRefused && attempts >= REFUSALS) || ageMs > policy.notification_retry_hours * MS_PER_HOUR) {
      await deliveries.failed(batch, reason);
      log.error({ channel: channel.name, reason, messages: batch.length }, 'notifications are given up');
      return true;
    }
    await deliveries.retryAt(batch, nowMs + (retryAfterMs ?? pauseMs(attempts, pace.firstPauseMs)), reason);
    return false;
  }
}

/** 1 s, 2 s, 4 s … 5 minutes. */
function pauseMs(attempts: number, firstMs: number): number {
  return Math.min(MAX_PAUSE_MS, firstMs * 2 ** (attempts - 1));
}
