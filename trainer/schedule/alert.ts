import type { Logger } from 'pino';
import type { Settings } from '../../shared/policy/policy.ts';

/** All there are; docs/guides/OPERATE.md#alerts-of-the-trainer lists what to do. */
export const ALERT_KINDS = ['kpi_halt', 'risk_streak', 'retrain_aborted', 'archive_failed'] as const;

/** Something that a person should look at. */
export interface Alert {
  readonly kind: (typeof ALERT_KINDS)[number];
  /** One or two sentences for people. */
  readonly text: string;
  /** The same for programs; must be JSON, and hold no password. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface AlertOptions {
  readonly settings: Pick<Settings, 'retrain'>;
  /** For MINUTEHAND_ALERT_URL. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** The whole call, answer included. */
  readonly timeoutMs?: number;
}

export const ALERT_MS = 10_000;

/**
 * Writes an alert as a line of level error and posts it to MINUTEHAND_ALERT_URL, if that is set, as Slack's incoming
 * webhooks take it (`{channel, text}`, with `kind` and `details` beside them,
 * https://api.slack.com/messaging/webhooks). Never fails and never takes longer than `timeoutMs`: what went wrong is a
 * line of the log. The address is a secret, so only its host is named.
 * @returns whether the address has taken it; false too when there is none
 */
export async function sendAlert(options: AlertOptions, { kind, text, details = {} }: Alert): Promise<boolean> {
  const { settings, env, log, timeoutMs = ALERT_MS } = options;
  log.error({ alert: kind, details }, text);
  const address = env['MINUTEHAND_ALERT_URL'];
  if (address === undefined || address === '') return false;
  const url = alertUrl(address);
  if (url === null) {
    log.error({ alert: kind }, 'MINUTEHAND_ALERT_URL is no http:// or https:// address: the alert was not sent');
    return false;
  }
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel: settings.retrain.retrain_notification_channel, text, kind, details }),
      // Followed, it would become a GET without the alert.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (response.ok) return true;
    log.error({ alert: kind, host: url.host, status: response.status }, 'the alert was refused');
  } catch (error) {
    log.error({ alert: kind, host: url.host, reason: reasonOf(error) }, 'the alert could not be sent');
  }
  return false;
}

function alertUrl(address: string): URL | null {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

/** Of a failed fetch the reason stands below; the error itself may name the whole address. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: NodeJS.ErrnoException };
  return cause?.code ?? name ?? 'unknown';
}
