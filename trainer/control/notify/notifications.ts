import type { Logger } from 'pino';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { keptTime } from '../cron/kept_times.ts';
import { scheduleByCron } from '../cron/schedule.ts';
import { IN_MEMORY, openStore, storeUrl, type Store } from '../../store/store.ts';
import type { Channel, SendFailure } from './channels/channel.ts';
import { openChannels } from './channels/open_channels.ts';
import { Deliveries } from './deliveries.ts';
import { EVENTS } from '../../store/schema/events.ts';
import type { Notifier } from './notifier.ts';
import { notify, resolve, type Notice, type OutboxScope } from './outbox.ts';
import { Sender } from './sender.ts';

export interface NotificationOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  print(line: string): void;
  /** Environment with addresses of channels and store; default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

export interface Notifications extends Notifier {
  /** Of the outbox; null when it cannot be read. */
  counts(): Promise<Awaited<ReturnType<Deliveries['counts']>> | null>;
  /** Training runs that wait in the store; null when it cannot be read. */
  queuedRuns(): Promise<number | null>;
  /** Whether any channel has an address. */
  readonly hasChannels: boolean;
  /** Keys of the alerts that are open now, in the store and in memory. */
  openKeys(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Polling interval of the outbox; messages of this process are sent at once. */
const LOOK_MS = 1000;
/** A store that takes longer counts as unavailable. */
const STORE_MS = 5000;
const STORE_RETRY_MS = 10_000;
const STORE_KEY = 'store';

/**
 * Starts the sender. Never fails: without a store notifications are kept in memory, without channels they are log
 * lines.
 */
export function startNotifications(options: NotificationOptions): Notifications {
  const notifications = new RunningNotifications(options);
  notifications.begin();
  return notifications;
}

interface Outbox {
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly sender: Sender;
}

class RunningNotifications implements Notifications {
  readonly #options: NotificationOptions;
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;
  readonly #channels: readonly Channel[];
  #main: Promise<Outbox> | null = null;
  /** Why it was not opened. */
  #mainError: unknown = null;
  #mainRetryMs = 0;
  /** In-memory outbox for messages that could not be stored. */
  #spare: Promise<Outbox> | null = null;
  #isStoreDown = false;
  readonly #isFailing = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #selfTest: { stop(): void } | null = null;
  readonly #pass = atMostOneWaiting(() => this.#passOnce());
  #stopped = false;

  constructor(options: NotificationOptions) {
    this.#options = options;
    this.#clock = options.clock ?? MACHINE_CLOCK;
    this.#env = options.env ?? process.env;
    const { channels, problems } = openChannels(options.settings.retrain, this.#env);
    this.#channels = channels;
    for (const { channel, variable, text } of problems) {
      options.log.error({ channel, variable }, `${variable} ${text}: no notification is sent by ${channel}`);
      options.print(`${variable} ${text}: no notification is sent by ${channel}.`);
    }
  }

  get hasChannels(): boolean {
    return this.#channels.length > 0;
  }

  begin(): void {
    const { notification_self_test_cron } = this.#options.settings.retrain;
    if (notification_self_test_cron !== null && this.hasChannels)
      this.#selfTest = scheduleByCron(notification_self_test_cron, () => void this.raise(this.#selfTestNotice()), {
        kept: keptTime(
          MACHINE_FILES,
          this.#options.paths.schedules,
          'notification_self_test',
          notification_self_test_cron,
        ),
        onMissed: (text) => this.#options.print(`The self-test of notifications is made up: ${text}.`),
        onError: (err) => this.#options.log.error({ err }, 'the last self-test cannot be kept'),
      });
    this.#lookAfter(0);
  }

  async raise(notice: Notice): Promise<void> {
    const { event, key, text } = notice;
    const { severity = EVENTS[event].severity } = notice;
    const level = severity === 'info' ? 'info' : 'error';
    const isNew = await this.#write((store, scope) => store.transaction((tx) => notify(tx, scope, notice)));
    if (isNew === true) this.#options.log[level]({ alert: event, key, details: notice.details ?? {} }, text);
    if (isNew !== false) this.#look();
  }

  async clear(key: string): Promise<void> {
    const wasOpen = await this.#write((store, scope) => store.transaction((tx) => resolve(tx, scope, key)));
    const spare = await this.#spare;
    // It may be open in both: reported before and after the store became unavailable.
    const wasInMemory = spare === null ? false : await resolve(spare.store.db, this.#scope(), key);
    if (wasOpen === true || wasInMemory) {
      this.#options.log.info({ key }, 'an alert is over');
      this.#look();
    }
  }

  async counts(): ReturnType<Notifications['counts']> {
    try {
      return await (await this.#openMain()).deliveries.counts();
    } catch {
      return null;
    }
  }

  async queuedRuns(): Promise<number | null> {
    try {
      return await (await this.#openMain()).deliveries.queuedRuns();
    } catch {
      return null;
    }
  }

  async openKeys(): Promise<readonly string[]> {
    const keysOf = async (outbox: Promise<Outbox>): Promise<readonly string[]> => {
      try {
        return await within(
          STORE_MS,
          outbox.then(({ deliveries }) => deliveries.openKeys()),
        );
      } catch {
        return [];
      }
    };
    const spare = this.#spare === null ? [] : await keysOf(this.#spare);
    return [...new Set([...(await keysOf(this.#openMain())), ...spare])];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#selfTest?.stop();
    await this.#pass();
    for (const opening of [this.#main, this.#spare]) {
      const outbox = await opening?.catch(() => null);
      await outbox?.sender.stop();
      await outbox?.store.close();
    }
  }

  #scope(): OutboxScope {
    return { market: this.#options.settings.minutehand.market, nowMs: this.#clock.nowMs() };
  }

  #selfTestNotice(): Notice {
    const key = `self_test:${new Date(this.#clock.nowMs()).toISOString().slice(0, 16)}`;
    const text = `Notifications arrive. If this message is missing at "${this.#options.settings.retrain.notification_self_test_cron}" UTC, check the channel.`;
    return { key, event: 'self_test', subject: 'notifications', text, isOnce: true };
  }

  /** Writes into the store, else into memory. @returns null when it went to memory after a failure */
  async #write(work: (store: Store, scope: OutboxScope) => Promise<boolean>): Promise<boolean | null> {
    try {
      const { store } = await this.#openMain();
      const result = await within(STORE_MS, work(store, this.#scope()));
      await this.#storeIs(true);
      return result;
    } catch (error) {
      await this.#storeIs(false, error);
      const { store } = await this.#openSpare();
      return (await work(store, this.#scope())) ? true : false;
    }
  }

  async #storeIs(isUp: boolean, error?: unknown): Promise<void> {
    if (this.#isStoreDown === !isUp) return;
    this.#isStoreDown = !isUp;
    const { store } = await this.#openSpare();
    if (isUp) {
      await resolve(store.db, this.#scope(), STORE_KEY);
      return;
    }
    const { code, message } = describeError(error);
    this.#options.log.error({ err: error }, 'notifications cannot be stored; they are sent from memory');
    const text = `Notifications are sent from memory. ${code}: ${message}`;
    await notify(store.db, this.#scope(), { key: STORE_KEY, event: 'store', subject: 'trainer', text });
  }

  #openMain(): Promise<Outbox> {
    if (this.#main === null && this.#clock.nowMs() < this.#mainRetryMs) return Promise.reject(this.#mainError as Error);
    this.#main ??= openStore(storeUrl(this.#env, this.#options.paths), this.#clock).then((store) =>
      this.#outbox(store),
    );
    return this.#main.catch((error: unknown) => {
      this.#main = null;
      this.#mainError = error;
      this.#mainRetryMs = this.#clock.nowMs() + STORE_RETRY_MS;
      throw error;
    });
  }

  #openSpare(): Promise<Outbox> {
    return (this.#spare ??= openStore(IN_MEMORY, this.#clock).then((store) => this.#outbox(store)));
  }

  #outbox(store: Store): Outbox {
    const { settings, log } = this.#options;
    const deliveries = new Deliveries(store, settings.minutehand.market);
    const sender = new Sender({
      deliveries,
      channels: this.#channels,
      policy: settings.retrain,
      clock: this.#clock,
      log,
      onChannel: (channel, failure) => this.#channelIs(channel, failure),
    });
    return { store, deliveries, sender };
  }

  /** A channel that accepts nothing is reported on the others. */
  async #channelIs({ name }: Channel, failure: SendFailure | null): Promise<void> {
    const key = `channel_failed:${name}`;
    const isFailing = failure !== null;
    if (this.#isFailing.get(name) === isFailing) return;
    this.#isFailing.set(name, isFailing);
    // Also after a start: an earlier trainer may have reported it.
    if (failure === null) return this.clear(key);
    const text = `${failure.reason}. Messages are tried again for ${this.#options.settings.retrain.notification_retry_hours} h.`;
    await this.raise({ key, event: 'channel_failed', subject: name, text });
  }

  /** Processes the outbox now. */
  #look(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#lookAfter(0);
  }

  #lookAfter(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#pass().then(() => {
        clearTimeout(this.#timer);
        this.#lookAfter(LOOK_MS);
      });
    }, ms);
    // Does not keep the process running.
    this.#timer.unref();
  }

  async #passOnce(): Promise<void> {
    if (this.#stopped) return;
    try {
      const { sender } = await this.#openMain();
      await sender.pass();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the outbox cannot be read');
    }
    await (await this.#spare)?.sender.pass();
  }
}

async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
