import type { Kysely } from 'kysely';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import type { Store } from '../../store/store.ts';
import type { AlertAction } from '../../store/schema/alerts.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { ChannelName } from '../../../shared/notification_channels.ts';
import type { Channel } from './channels/channel.ts';
import type { Severity } from '../../store/schema/events.ts';
import type { AlertMessage } from './message.ts';

/** A message waiting for its channel. */
export interface Delivery {
  readonly delivery_id: number;
  readonly attempts: number;
  readonly due_ms: number;
  readonly created_ms: number;
  readonly message: AlertMessage;
}

/** Maximum pending messages per channel that a pass considers. */
const WINDOW = 200;
const MINUTE_MS = 60_000;

/** The deliveries of a store: every step is one transaction, so that a sender that is killed loses none. */
export class Deliveries {
  readonly #store: Store;
  readonly #market: Market;

  constructor(store: Store, market: Market) {
    this.#store = store;
    this.#market = market;
  }

  /**
   * Creates the deliveries of new messages: to the channels of their severity, silenced ones as skipped. A resolution
   * goes where its alert went.
   * @returns number of routed messages
   */
  route(channels: readonly Channel[], routes: RetrainPolicy['notification_routes'], nowMs: number): Promise<number> {
    return this.#store.transaction(async (tx) => {
      const messages = await this.#messages(tx).where('m.routed_ms', 'is', null).orderBy('m.message_id').execute();
      if (messages.length === 0) return 0;
      const silences = await this.silences(tx, nowMs);
      for (const row of messages) {
        const { message_id, alert_id, action, severity, alert_key } = row;
        const isSilent = silences.some(({ pattern }) => matches(pattern, alert_key));
        const told = action === 'trigger' ? null : await this.#toldOf(tx, alert_id);
        const names = channels
          .filter(
            ({ name, actions }) => actions.includes(action) && (told?.has(name) ?? isRouted(routes, severity, name)),
          )
          .map(({ name }) => name);
        const status = isSilent && action === 'trigger' ? ('skipped' as const) : ('queued' as const);
        for (const channel of names)
          await tx
            .insertInto('core.alert_deliveries')
            .values({ message_id, channel, status, attempts: 0, due_ms: nowMs, created_ms: nowMs })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        await tx
          .updateTable('core.alert_messages')
          .set({ routed_ms: nowMs })
          .where('message_id', '=', message_id)
          .execute();
      }
      return messages.length;
    });
  }

  /** Pending deliveries of a channel, in order. */
  async waiting(channel: ChannelName): Promise<readonly Delivery[]> {
    const rows = await this.#messages(this.#store.db)
      .innerJoin('core.alert_deliveries as d', 'd.message_id', 'm.message_id')
      .select(['d.delivery_id', 'd.attempts', 'd.due_ms', 'd.created_ms as queued_ms'])
      .where('d.channel', '=', channel)
      .where('d.status', '=', 'queued')
      .orderBy('d.message_id')
      .limit(WINDOW)
      .execute();
    return rows.map(({ delivery_id, attempts, due_ms, queued_ms, ...row }) => ({
      delivery_id,
      attempts,
      due_ms,
      created_ms: queued_ms,
      message: messageOf(row),
    }));
  }

  /**
   * Claims deliveries for `leaseMs`; if this sender ends, they are due again afterward.
   * @returns those that no other sender has claimed
   */
  claim(deliveries: readonly Delivery[], nowMs: number, leaseMs: number): Promise<readonly Delivery[]> {
    const ids = deliveries.map(({ delivery_id }) => delivery_id);
    return this.#store.transaction(async (tx) => {
      const rows = await tx
        .updateTable('core.alert_deliveries')
        .set(({ eb }) => ({ due_ms: nowMs + leaseMs, attempts: eb('attempts', '+', 1) }))
        .where('delivery_id', 'in', ids)
        .where('status', '=', 'queued')
        .where('due_ms', '<=', nowMs)
        .returning('delivery_id')
        .execute();
      const claimed = new Set(rows.map(({ delivery_id }) => Number(delivery_id)));
      return deliveries.filter(({ delivery_id }) => claimed.has(Number(delivery_id)));
    });
  }

  async sent(deliveries: readonly Delivery[], nowMs: number): Promise<void> {
    const batch = `${nowMs}-${deliveries[0]!.delivery_id}`;
    await this.#set(deliveries, { status: 'sent', sent_ms: nowMs, batch, error: null });
  }

  async retryAt(deliveries: readonly Delivery[], dueMs: number, error: string): Promise<void> {
    await this.#set(deliveries, { due_ms: dueMs, error });
  }

  async failed(deliveries: readonly Delivery[], error: string): Promise<void> {
    await this.#set(deliveries, { status: 'failed', error });
  }

  /** When this channel may send again, epoch ms: at once while fewer than `rate` messages went out within a minute. */
  async freeAt(channel: ChannelName, rate: number, nowMs: number): Promise<number> {
    const rows = await this.#store.db
      .selectFrom('core.alert_deliveries')
      .select(({ fn }) => ['batch', fn.max('sent_ms').as('sent_ms')])
      .where('channel', '=', channel)
      .where('sent_ms', '>', nowMs - MINUTE_MS)
      // A clock that was set back must not keep it silent.
      .where('sent_ms', '<=', nowMs)
      .groupBy('batch')
      .execute();
    if (rows.length < rate) return nowMs;
    const times = rows.map(({ sent_ms }) => Number(sent_ms)).sort((a, b) => b - a);
    return times[rate - 1]! + MINUTE_MS;
  }

  silences(db: Kysely<Tables>, nowMs: number) {
    return db
      .selectFrom('core.alert_silences')
      .selectAll()
      .where('market', '=', this.#market)
      .where('until_ms', '>', nowMs)
      .orderBy('until_ms')
      .execute();
  }

  /** Resends open critical alerts that are not acknowledged. @returns how many */
  repeat(afterMs: number, nowMs: number): Promise<number> {
    return this.#store.transaction(async (tx) => {
      const due = await tx
        .selectFrom('core.alerts as a')
        .innerJoin('core.alert_messages as m', 'm.alert_id', 'a.alert_id')
        .select(({ fn }) => ['a.alert_id', fn.max('m.created_ms').as('last_ms')])
        .where('a.market', '=', this.#market)
        .where('a.severity', '=', 'critical')
        .where('a.resolved_ms', 'is', null)
        .where('a.acked_ms', 'is', null)
        .groupBy('a.alert_id')
        .having(({ fn }) => fn.max('m.created_ms'), '<=', nowMs - afterMs)
        .execute();
      for (const { alert_id } of due)
        await tx
          .insertInto('core.alert_messages')
          .values({ alert_id, action: 'trigger', created_ms: nowMs, routed_ms: null })
          .execute();
      return due.length;
    });
  }

  async queuedRuns(): Promise<number> {
    const row = await this.#store.db
      .selectFrom('core.training_runs')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('market', '=', this.#market)
      .where('status', '=', 'queued')
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async openKeys(): Promise<readonly string[]> {
    const rows = await this.#store.db
      .selectFrom('core.alerts')
      .select('alert_key')
      .where('market', '=', this.#market)
      .where('resolved_ms', 'is', null)
      .execute();
    return rows.map(({ alert_key }) => alert_key);
  }

  /** By channel and status, and open alerts by severity: for metrics and lists. */
  async counts(): Promise<{
    readonly deliveries: readonly { readonly channel: string; readonly status: string; readonly count: number }[];
    readonly open: readonly { readonly severity: Severity; readonly count: number }[];
  }> {
    const { db } = this.#store;
    const deliveries = await db
      .selectFrom('core.alert_deliveries')
      .select(({ fn }) => ['channel', 'status', fn.countAll().as('count')])
      .groupBy(['channel', 'status'])
      .execute();
    const open = await db
      .selectFrom('core.alerts')
      .select(({ fn }) => ['severity', fn.countAll().as('count')])
      .where('market', '=', this.#market)
      .where('resolved_ms', 'is', null)
      .groupBy('severity')
      .execute();
    const numbered = <Row extends { count: unknown }>(row: Row) => ({ ...row, count: Number(row.count) });
    return { deliveries: deliveries.map(numbered), open: open.map(numbered) };
  }

  #messages(db: Kysely<Tables>) {
    return db
      .selectFrom('core.alert_messages as m')
      .innerJoin('core.alerts as a', 'a.alert_id', 'm.alert_id')
      .select(['m.message_id', 'm.action', 'm.created_ms', 'a.alert_id', 'a.alert_key', 'a.market', 'a.event'])
      .select(['a.severity', 'a.subject', 'a.text', 'a.command', 'a.version', 'a.details', 'a.is_once'])
      .select(['a.opened_ms', 'a.acked_by', 'a.resolved_ms'])
      .where('a.market', '=', this.#market);
  }

  async #toldOf(tx: Kysely<Tables>, alertId: number): Promise<ReadonlySet<string>> {
    const rows = await tx
      .selectFrom('core.alert_deliveries as d')
      .innerJoin('core.alert_messages as m', 'm.message_id', 'd.message_id')
      .select('d.channel')
      .where('m.alert_id', '=', alertId)
      .where('m.action', '=', 'trigger')
      .where('d.status', 'in', ['queued', 'sent'])
      .execute();
    return new Set(rows.map(({ channel }) => channel));
  }

  async #set(
    deliveries: readonly Delivery[],
    change: Partial<Omit<Tables['core.alert_deliveries'], 'delivery_id'>>,
  ): Promise<void> {
    const ids = deliveries.map(({ delivery_id }) => delivery_id);
    await this.#store.db
      .updateTable('core.alert_deliveries')
      .set(change)
      .where('delivery_id', 'in', ids)
      .where('status', '=', 'queued')
      .execute();
  }
}

function isRouted(routes: RetrainPolicy['notification_routes'], severity: Severity, name: ChannelName): boolean {
  return routes[severity].includes(name);
}

/** `daemon_*` as a pattern of keys. */
export function matches(pattern: string, key: string): boolean {
  const [first, ...others] = pattern.split('*') as [string, ...string[]];
  const last = others.pop();
  if (last === undefined) return key === first;
  if (!key.startsWith(first) || !key.endsWith(last) || key.length < first.length + last.length) return false;
  const end = key.length - last.length;
  let at = first.length;
  for (const part of others) {
    const found = key.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

interface MessageRow extends Pick<Tables['core.alerts'], 'alert_key' | 'market' | 'event' | 'severity' | 'subject'> {
  readonly message_id: number;
  readonly alert_id: number;
  readonly action: AlertAction;
  readonly created_ms: number;
  readonly text: string;
  readonly command: string;
  readonly version: string | null;
  readonly details: string;
  readonly is_once: number;
  readonly opened_ms: number;
  readonly acked_by: string | null;
  readonly resolved_ms: number | null;
}

function messageOf({ alert_key, details, is_once, ...row }: MessageRow): AlertMessage {
  return {
    ...row,
    key: alert_key,
    details: JSON.parse(details) as AlertMessage['details'],
    is_once: is_once === 1,
  };
}
