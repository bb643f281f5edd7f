import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { AlertAction } from '../../store/schema/alerts.ts';
import { EVENTS, type EventName, type Severity } from '../../store/schema/events.ts';

/** A change of an alert as channels send it. Times are epoch ms. */
export interface AlertMessage {
  readonly message_id: number;
  readonly action: AlertAction;
  readonly alert_id: number;
  readonly key: string;
  readonly market: Market;
  readonly event: EventName;
  readonly severity: Severity;
  readonly subject: string;
  readonly text: string;
  readonly command: string;
  readonly version: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly is_once: boolean;
  /** Since when. */
  readonly opened_ms: number;
  readonly created_ms: number;
  readonly acked_by: string | null;
  readonly resolved_ms: number | null;
}

const SHOWN_IN_DIGEST = 10;
const MS_PER_SECOND = 1000;

/** `[CRITICAL] Daemon does not run: main` */
export function titleOf({ action, severity, event, subject, market }: AlertMessage): string {
  const state = { trigger: severity, acknowledge: 'acknowledged', resolve: 'resolved' }[action].toUpperCase();
  const marketNote = market === 'live' ? '' : ` (${market} market)`;
  return `[${state}] ${EVENTS[event].title}: ${subject}${marketNote}`;
}

/** What, since when, which subject and version, what to do, and the link. */
export function textOf(message: AlertMessage, link: string | null): string {
  const { action, text, command, version, is_once, opened_ms, acked_by, resolved_ms } = message;
  const lines = [titleOf(message)];
  if (action === 'trigger') lines.push(text);
  if (action === 'resolve')
    lines.push(`Over after ${durationText((resolved_ms ?? opened_ms) - opened_ms)}. It was: ${text}`);
  if (action === 'acknowledge') lines.push(`By ${acked_by ?? 'unknown'}.`);
  const when = is_once ? 'At' : 'Since';
  lines.push(`${when} ${timeText(opened_ms)}${version === null ? '' : `, models ${version}`}.`);
  if (action === 'trigger' && command !== '') lines.push(`To do: ${command}`);
  if (link !== null) lines.push(link);
  return lines.join('\n');
}

const RANKS: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** Many messages as one text, the worst first. */
export function digestOf(messages: readonly AlertMessage[], link: string | null): string {
  const sorted = [...messages].sort((a, b) => RANKS[a.severity] - RANKS[b.severity] || a.message_id - b.message_id);
  const rest = sorted.length - SHOWN_IN_DIGEST;
  return [
    `${messages.length} notifications:`,
    ...sorted.slice(0, SHOWN_IN_DIGEST).map((message) => `${titleOf(message)}. ${message.text}`),
    ...(rest > 0 ? [`… and ${rest} more.`] : []),
    'To do: minutehand alerts list',
    ...(link === null ? [] : [link]),
  ].join('\n');
}

/** `2026-11-21 12:03:20 UTC` */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `45 s`, `3 min`, `2 h 5 min` */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / MS_PER_SECOND));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
