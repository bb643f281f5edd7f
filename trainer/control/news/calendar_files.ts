import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import type { ScheduledEvent } from '../../../shared/calendar/calendar_text.ts';
import { IMPORTANCES } from '../../../shared/core/news/news_event.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { oneLine } from '../../../shared/one_line.ts';
import { exchangeFolders } from '../fills/fill_files.ts';

const CALENDAR_FILE = 'calendar.json';
const MAX_BYTES = 4 * 2 ** 20;
/** A terminal's clock that is off by more has a wrong offset to its server, and so wrong events. */
const MAX_SKEW_MS = 300_000;

const epochMs = z.int().min(0).max(4_102_444_800_000);
const sentSchema = z.object({
  schema: z.literal('minutehand.calendar/1'),
  sent_ms: epochMs,
  from_ms: epochMs,
  to_ms: epochMs,
  events: z.array(
    z.object({
      time: epochMs,
      currency: z.string().regex(/^[A-Z]{3}$/),
      importance: z.enum(IMPORTANCES),
      name: z.string().max(500),
    }),
  ),
});

/** The calendar of one terminal, as it was sent. Times are epoch seconds, UTC. */
export interface SentCalendar {
  /** Name of the account's folder. */
  readonly account: string;
  readonly sentMs: number;
  readonly from: number;
  readonly to: number;
  readonly events: readonly ScheduledEvent[];
  /** The file, and which state of it this is. */
  readonly path: string;
  readonly state: string;
}

/** New calendars, and files that are none: one account's damage keeps nothing from the others. */
export interface NewCalendars {
  readonly sent: readonly SentCalendar[];
  /** NEWS_FORMAT, NEWS_CLOCK */
  readonly refused: readonly unknown[];
}

/** Reads the calendars that expert advisors have written since the last ones were taken. */
export class CalendarFiles {
  readonly #paths: HomePaths;
  /** By path: the state of the file that was taken or refused last. */
  readonly #seen = new Map<string, string>();

  constructor(paths: HomePaths) {
    this.#paths = paths;
  }

  /** Each calendar is read until it is `taken`; a damaged file, or one of a wrong clock, is refused once. */
  read(): NewCalendars {
    const sent: SentCalendar[] = [];
    const refused: unknown[] = [];
    for (const folder of exchangeFolders(this.#paths)) {
      const path = join(folder, CALENDAR_FILE);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const state = `${stat.size}:${stat.mtimeMs}`;
      if (this.#seen.get(path) === state) continue;
      try {
        sent.push({ ...parseSent(path, stat.mtimeMs), path, state });
      } catch (error) {
        this.#seen.set(path, state);
        refused.push(error);
      }
    }
    return { sent, refused };
  }

  /** The calendar is stored. */
  taken({ path, state }: SentCalendar): void {
    this.#seen.set(path, state);
  }
}

/** @param writtenMs of the file */
function parseSent(path: string, writtenMs: number): Omit<SentCalendar, 'path' | 'state'> {
  let json: unknown;
  try {
    json = JSON.parse(MACHINE_FILES.read(path, { maxBytes: MAX_BYTES, followsLinks: false }).toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('NEWS_FORMAT', { seen: `${path} cannot be read, or is not JSON`, cause });
  }
  const parsed = sentSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new MinutehandError('NEWS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
  }
  const { sent_ms: sentMs, from_ms, to_ms, events } = parsed.data;
  if (Math.abs(sentMs - writtenMs) > MAX_SKEW_MS)
    throw new MinutehandError('NEWS_CLOCK', {
      seen: `${path}: its clock says ${new Date(sentMs).toISOString()}, the file is of ${new Date(writtenMs).toISOString()}`,
    });
  return {
    account: basename(dirname(path)),
    sentMs,
    from: from_ms / 1000,
    to: to_ms / 1000,
    events: events.map((event) => ({ ...event, time: event.time / 1000, name: oneLine(event.name).slice(0, 200) })),
  };
}
