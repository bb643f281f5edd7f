import type { Kysely } from 'kysely';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { AlertAction } from '../../store/schema/alerts.ts';
import type { Tables } from '../../store/schema/schema.ts';
import { EVENTS, type EventName, type Severity } from '../../store/schema/events.ts';

/** A notification. Must not contain passwords. */
export interface Notice {
  /** Deduplication key while the alert is open, e.g. `kpi_halt:EURUSD_GBPUSD`: a repeated key adds no message. */
  readonly key: string;
  readonly event: EventName;
  /** Default: that of the event. A higher severity than the open alert's sends another message. */
  readonly severity?: Severity;
  /** Subject: a daemon, a pair, a run. */
  readonly subject: string;
  /** One or two sentences describing the problem. */
  readonly text: string;
  /** What to do; default: that of the event. */
  readonly command?: string;
  readonly version?: string | null;
  /** The same for programs, JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Since when, epoch ms; now unless given. */
  readonly sinceMs?: number;
  /**
   * A one-time event that nothing resolves and whose key is never reused, e.g. `retrain_adopted:12`. Otherwise it lasts
   * until `resolve`.
   */
  readonly isOnce?: boolean;
}

/** Which market's alerts, and the time. */
export interface OutboxScope {
  readonly market: Market;
  readonly nowMs: number;
}

/**
 * Opens an alert, or increments the count of an open one, in the event's transaction `tx`. The trainer's sender
 * delivers it after the commit.
 * @returns whether a message will be sent: false for a key that is already open at this severity
 */
export async function notify(tx: Kysely<Tables>, { market, nowMs }: OutboxScope, notice: Notice): Promise<boolean> {
  const { key, event, subject, text, version = null, details = {}, isOnce = false, sinceMs = nowMs } = notice;
  const { severity = EVENTS[event].severity, command = EVENTS[event].command } = notice;
  const openKey = openKeyOf(market, key);
  const known = await tx
    .selectFrom('core.alerts')
    .select(['alert_id', 'severity', 'count', 'resolved_ms'])
    .where('open_key', '=', openKey)
    .executeTakeFirst();
  const output = { severity, subject, text, command, version, details: JSON.stringify(details), last_ms: nowMs };
  if (known !== undefined) {
    if (isOnce || known.resolved_ms !== null) return false;
    const isWorse = rankOf(severity) < rankOf(known.severity);
    const changes = { ...output, severity: isWorse ? severity : known.severity, count: known.count + 1 };
    await tx.updateTable('core.alerts').set(changes).where('alert_id', '=', known.alert_id).execute();
    if (isWorse) await addMessage(tx, known.alert_id, 'trigger', nowMs);
    return isWorse;
  }
  const row = await tx
    .insertInto('core.alerts')
    .values({
      ...output,
      market,
      alert_key: key,
      event,
      open_key: openKey,
      count: 1,
      opened_ms: sinceMs,
      resolved_ms: isOnce ? nowMs : null,
      is_once: isOnce ? 1 : 0,
    })
    .onConflict((conflict) => conflict.column('open_key').doNothing())
    .returning('alert_id')
    .executeTakeFirst();
  if (row === undefined) return false;
  await addMessage(tx, row.alert_id, 'trigger', nowMs);
  return true;
}

/** Ends the alert of this key, if one is open. @returns whether one was */
export async function resolve(tx: Kysely<Tables>, { market, nowMs }: OutboxScope, key: string): Promise<boolean> {
  const row = await tx
    .updateTable('core.alerts')
    .set({ resolved_ms: nowMs, open_key: null })
    .where('open_key', '=', openKeyOf(market, key))
    .where('resolved_ms', 'is', null)
    .returning('alert_id')
    .executeTakeFirst();
  if (row === undefined) return false;
  await addMessage(tx, row.alert_id, 'resolve', nowMs);
  return true;
}

/**
 * Acknowledges open alerts.
 * @param key of one alert, or its number
 * @returns the keys acknowledged now
 */
export async function acknowledge(
  tx: Kysely<Tables>,
  { market, nowMs }: OutboxScope,
  key: string,
  by: string,
): Promise<readonly string[]> {
  const isNumber = /^\d+$/.test(key);
  const rows = await tx
    .updateTable('core.alerts')
    .set({ acked_ms: nowMs, acked_by: by })
    .where('market', '=', market)
    .where(isNumber ? 'alert_id' : 'alert_key', '=', isNumber ? Number(key) : key)
    .where('resolved_ms', 'is', null)
    .where('acked_ms', 'is', null)
    .returning(['alert_id', 'alert_key'])
    .execute();
  for (const { alert_id } of rows) await addMessage(tx, alert_id, 'acknowledge', nowMs);
  return rows.map(({ alert_key }) => alert_key);
}

async function addMessage(tx: Kysely<Tables>, alertId: number, action: AlertAction, nowMs: number): Promise<void> {
  await tx
    .insertInto('core.alert_messages')
    .values({ alert_id: alertId, action, created_ms: nowMs, routed_ms: null })
    .execute();
}

const openKeyOf = (market: Market, key: string): string => `${market} ${key}`;
const RANKS: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };
const rankOf = (severity: Severity): number => RANKS[severity];
