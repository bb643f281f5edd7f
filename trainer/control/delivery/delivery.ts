import type { Logger } from 'pino';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import { lockHomeSoon } from '../../../shared/process/home_lock.ts';
import type { Notifier } from '../notify/notifier.ts';
import { createPasses } from '../schedule/passes.ts';
import { deliver, type Delivered } from './deliver.ts';
import { localDelivery, localState } from './local_delivery.ts';
import { openDelivery } from './open_delivery.ts';

export interface DeliveryOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly notifier: Notifier;
  /** Environment with the path of the key; default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** Pause before a failed delivery is tried again, ms. */
  readonly retryMs?: number;
  print(line: string): void;
}

export interface RunningDelivery {
  /** Delivers what has changed. Never rejects. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}

const EVERY_MS = 5000;
const RETRY_MS = 60_000;
/** All files there are read back at the start, and then this often. */
const CHECK_EVERY_MS = 86_400_000;
/** Failures before an alert: a restarting server needs none. */
const ALERT_AFTER = 3;
const KEY = 'delivery_failed';

/**
 * Delivers the models folder once: to `delivery_target`, and alone of this home.
 * @throws MinutehandError HOME_LOCKED, as localDelivery, openDelivery and deliver
 */
export async function deliverOnce(
  { settings, paths, env = process.env }: Pick<DeliveryOptions, 'settings' | 'paths' | 'env'>,
  isChecked: boolean,
  onDamaged: (version: string, reason: string) => void,
): Promise<Delivered> {
  const { delivery_target, delivery_host_keys } = settings.retrain;
  if (delivery_target === null)
    throw new MinutehandError('SETTING_UNSUPPORTED', {
      seen: 'delivery_target is null',
      expected: 'an address such as sftp://minutehand@windows.example/C:/minutehand/delivery',
      next: 'Set delivery_target and delivery_host_keys in retrain_policy.yaml.',
    });
  const unlock = await lockHomeSoon(paths.lock('delivery'));
  try {
    const local = localDelivery(paths, settings.minutehand.market);
    for (const { version, reason } of local.damaged) onDamaged(version, reason);
    const place = await openDelivery({ delivery_target, delivery_host_keys }, env);
    try {
      return await deliver(place, local, isChecked);
    } finally {
      await place.close();
    }
  } finally {
    unlock();
  }
}

/**
 * While the trainer runs, delivers each new bundle, candidates included, and each change of the active models. The
 * models folder is the queue: what could not be delivered is still there, and what has arrived is not sent again.
 * @returns null without `delivery_target`
 */
export function startDelivery(options: DeliveryOptions): RunningDelivery | null {
  const { settings, paths, log, notifier, print, clock = MACHINE_CLOCK, retryMs = RETRY_MS } = options;
  const { delivery_target: target } = settings.retrain;
  if (target === null) return null;
  let delivered: string | null = null;
  let checkedMs = -Infinity;
  let failedRounds = 0;
  let isStopped = false;

  async function report(error: unknown): Promise<void> {
    const { code, message, next } = describeError(error);
    failedRounds += 1;
    log.error({ code, message, failed_rounds: failedRounds }, 'models cannot be delivered');
    // A changed host key is never transient: alert at the first failure.
    if (failedRounds !== (code === 'DELIVERY_HOST_KEY' ? 1 : ALERT_AFTER)) return;
    const text = `${failedRounds} deliveries in a row failed; that machine keeps the models that it has. ${message}`;
    const details = { code, delivery_target: target, failed_rounds: failedRounds };
    await notifier.raise({ key: KEY, event: KEY, subject: 'models', text, command: next, details });
  }

  const passes = createPasses({
    async work() {
      const state = localState(paths);
      const isChecked = Math.abs(clock.nowMs() - checkedMs) >= CHECK_EVERY_MS;
      if (isStopped || (state === delivered && !isChecked)) return;
      try {
        const { sent, bytes, versions, removed } = await deliverOnce(options, isChecked, (version, reason) =>
          log.warn({ version, reason }, 'a damaged bundle is not delivered'),
        );
        log.info({ sent, bytes, versions, removed, target }, 'models delivered');
      } catch (error) {
        if (!isStopped) await report(error);
        throw error;
      }
      delivered = state;
      if (isChecked) checkedMs = clock.nowMs();
      // Also after a start: an earlier trainer may have reported it.
      await notifier.clear(KEY);
      failedRounds = 0;
    },
    everyMs: EVERY_MS,
    retryMs,
    onFailed: ({ code, message }) =>
      print(`Models cannot be delivered (${code}: ${message}); the next attempt follows.`),
    onRecovered: () => print('Models are delivered again.'),
  });
  passes.begin();
  return {
    pass: () => passes.pass(),
    async stop() {
      isStopped = true;
      await passes.stop();
    },
  };
}
