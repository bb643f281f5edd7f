import { join } from 'node:path';
import * as z from 'zod';
import { readModelsFile } from '../bundle/models_file.ts';
import { IMPORTANCES } from '../core/news/news_event.ts';
import { replaceDurably } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { inOrder, type ScheduledEvent } from './calendar_text.ts';

/** The calendar of the next days, which the trainer writes and daemons follow. */
export interface CalendarFile {
  /** When a source last confirmed it, epoch ms. */
  readonly confirmedMs: number;
  /** Until when all events are known, epoch seconds. */
  readonly coversUntil: number;
  readonly events: readonly ScheduledEvent[];
}

/** Below this, the calendar is stale: a source that stopped is noticed before its last event has passed. */
export const NEEDED_AHEAD_S = 86_400;

const fileSchema = z.strictObject({
  confirmed_at: z.iso.datetime(),
  covers_until: z.iso.datetime(),
  events: z.array(
    z.strictObject({
      time: z.iso.datetime(),
      currency: z.string().regex(/^[A-Z]{3}$/),
      importance: z.enum(IMPORTANCES),
      name: z.string().max(200),
    }),
  ),
});

export function calendarPath(modelsFolder: string): string {
  return join(modelsFolder, 'news.json');
}

/** null: nobody has sent or imported a calendar. @throws MinutehandError NEWS_FORMAT */
export function readCalendar(modelsFolder: string, files: FileSystem = MACHINE_FILES): CalendarFile | null {
  const path = calendarPath(modelsFolder);
  if (files.stat(path) === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'calendar', files).toString('utf8'));
  } catch (cause) {
    const seen = cause instanceof MinutehandError ? cause.seen! : `${path} cannot be read, or is not JSON`;
    throw new MinutehandError('NEWS_FORMAT', { seen, cause });
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new MinutehandError('NEWS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
  }
  const { confirmed_at, covers_until, events } = parsed.data;
  return {
    confirmedMs: Date.parse(confirmed_at),
    coversUntil: Date.parse(covers_until) / 1000,
    events: events.map((event) => ({ ...event, time: Date.parse(event.time) / 1000 })),
  };
}

/** Replaces the file, unless it says the same already. */
export function writeCalendar(modelsFolder: string, calendar: CalendarFile, files: FileSystem = MACHINE_FILES): void {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const content = {
    confirmed_at: iso(calendar.confirmedMs),
    covers_until: iso(calendar.coversUntil * 1000),
    events: inOrder(calendar.events).map(({ time, currency, importance, name }) => ({
      time: iso(time * 1000),
      currency,
      importance,
      name,
    })),
  };
  files.makeFolder(modelsFolder);
  replaceDurably(files, calendarPath(modelsFolder), `${JSON.stringify(fileSchema.parse(content), null, 1)}\n`);
}

/**
 * What keeps `news_stop` from working; null when the calendar reaches far enough ahead.
 * @param calendar null: there is none
 */
export function calendarFault(
  calendar: Pick<CalendarFile, 'confirmedMs' | 'coversUntil'> | null,
  nowMs: number,
): MinutehandError | null {
  if (calendar === null) return new MinutehandError('NEWS_STALE', { seen: 'no calendar', expected: EXPECTED });
  const { coversUntil, confirmedMs } = calendar;
  if (coversUntil >= nowMs / 1000 + NEEDED_AHEAD_S) return null;
  const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  const seen = `events up to ${minute(coversUntil * 1000)} UTC, last confirmed ${minute(confirmedMs)} UTC`;
  return new MinutehandError('NEWS_STALE', { seen, expected: EXPECTED });
}

const EXPECTED = 'a calendar of at least the next 24 hours';
