import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { EventName, Severity } from './events.ts';
import { BIGINT, INTEGER, NUMBERED, TEXT, optional, table, textOf } from './table.ts';

export type AlertAction = 'trigger' | 'acknowledge' | 'resolve';

/** Alerts; trainer/control/notify/outbox.ts writes them. Times are epoch ms. */
const ALERTS = table(
  'core.alerts',
  { unique: { columns: ['open_key'] } },
  {
    alert_id: NUMBERED,
    market: textOf<Market>(),
    alert_key: TEXT,
    /** `market key` while it is open, and for good where it happened once: unique. null when it is resolved. */
    open_key: optional(TEXT),
    event: textOf<EventName>(),
    severity: textOf<Severity>(),
    subject: TEXT,
    text: TEXT,
    command: TEXT,
    version: optional(TEXT),
    /** JSON object. */
    details: TEXT,
    opened_ms: BIGINT,
    /** Time of the last report, and the number of reports. */
    last_ms: BIGINT,
    count: BIGINT,
    /** 1 where nothing resolves it: it was over when it happened. */
    is_once: INTEGER,
    acked_ms: optional(BIGINT),
    acked_by: optional(TEXT),
    resolved_ms: optional(BIGINT),
  },
);

/** The outbox: each change of an alert that is to be sent, written in the transaction of the change. */
const ALERT_MESSAGES = table(
  'core.alert_messages',
  { indexes: [{ name: 'alert_messages_open', columns: ['message_id'], where: 'routed_ms is null' }] },
  {
    message_id: NUMBERED,
    alert_id: BIGINT,
    action: textOf<AlertAction>(),
    created_ms: BIGINT,
    /** Time at which its deliveries were written; null until then. */
    routed_ms: optional(BIGINT),
  },
);

/** One message on one channel. */
const ALERT_DELIVERIES = table(
  'core.alert_deliveries',
  {
    unique: { name: 'alert_deliveries_once', columns: ['message_id', 'channel'] },
    indexes: [{ name: 'alert_deliveries_open', columns: ['due_ms'], where: 'sent_ms is null' }],
  },
  {
    delivery_id: NUMBERED,
    message_id: BIGINT,
    channel: TEXT,
    /** `skipped`: silenced. */
    status: textOf<'queued' | 'sent' | 'failed' | 'skipped'>(),
    attempts: INTEGER,
    /** Earliest time of the next attempt. */
    due_ms: BIGINT,
    created_ms: BIGINT,
    sent_ms: optional(BIGINT),
    /** Deliveries that were sent as one message have the same. */
    batch: optional(TEXT),
    error: optional(TEXT),
  },
);

/** Events that are not sent for a time. */
const ALERT_SILENCES = table(
  'core.alert_silences',
  {},
  {
    silence_id: NUMBERED,
    market: textOf<Market>(),
    /** Of keys; `*` stands for any text. */
    pattern: TEXT,
    until_ms: BIGINT,
    created_ms: BIGINT,
    created_by: TEXT,
  },
);

export const ALERT_TABLES = [ALERTS, ALERT_MESSAGES, ALERT_DELIVERIES, ALERT_SILENCES] as const;
