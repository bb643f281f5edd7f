import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { readPlainBytes } from '../../shared/bar_file/bar_file.ts';
import { parseTimeZone } from '../../shared/bar_file/time_zone.ts';
import { CALENDAR_DATE_ORDERS, readCalendarCsv, type CalendarDateOrder } from '../../shared/calendar/calendar_csv.ts';
import { refuseOtherClock } from '../../shared/calendar/known_hours.ts';
import { decodedText } from '../../shared/csv/text_encoding.ts';
import { isoMinute, shownMinute } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { IMPORTANCES, type Importance } from '../../shared/core/news/news_event.ts';
import { counted } from '../../shared/counted.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { calendarNowMs } from '../../trainer/control/news/calendar_now.ts';
import { publishCalendar } from '../../trainer/control/news/publish_calendar.ts';
import { nextNews } from '../../trainer/control/news/next_news.ts';
import { countNews, takeCalendar } from '../../trainer/store/news.ts';
import { openStore, openStoreIfThere, storeUrl, type Store } from '../../trainer/store/store.ts';
import { dateOrderOption } from './bars_store.ts';
import { FAILED, type Output } from '../output.ts';
import { parseInteger } from '../period.ts';

const SHOWN_DAYS = 7;

interface ImportFlags {
  readonly timezone: string;
  readonly dateOrder?: CalendarDateOrder;
  readonly trustClock?: boolean;
  readonly dryRun?: boolean;
}

interface ListFlags {
  readonly days: string;
  readonly importance: Importance;
  readonly all?: boolean;
}

/** The economic calendar, which `news_stop` of core_policy.yaml stops entries by. */
export function addNews(program: Command, output: () => Output): void {
  const news = program.command('news').description('The economic calendar, which `news_stop` stops entries by.');
  news
    .command('import <file>')
    .description(
      'adds a CSV file (plain or .gz) of events with the columns time, currency, importance and name, in several common spellings, for backtests and for daemons. Its events count as known at all times',
    )
    .option('--timezone <zone>', 'of its clock times: UTC, an offset, or a name such as America/New_York', 'UTC')
    .addOption(dateOrderOption(CALENDAR_DATE_ORDERS))
    .option('--trust-clock', 'take its times although American releases of a known hour are at others')
    .option('--dry-run', 'only read it')
    .action((file: string, flags: ImportFlags) => runImport(file, flags, output()));
  news
    .command('list')
    .description('the next events of the currencies of the configured subjects, and how far the calendar reaches')
    .option('--days <n>', 'days ahead', `${SHOWN_DAYS}`)
    .addOption(new Option('--importance <least>', 'at least').choices(IMPORTANCES).default('medium'))
    .option('--all', 'of all currencies')
    .action((flags: ListFlags) => runList(flags, output()));
}

async function runImport(file: string, flags: ImportFlags, output: Output): Promise<void> {
  const { timezone, dateOrder, trustClock, dryRun } = flags;
  const zone = parseTimeZone(timezone);
  const source = resolve(file);
  const text = decodedText(await readPlainBytes(source));
  const { events, ...left } = readCalendarCsv(text, file, zone, dateOrder);
  if (trustClock !== true) refuseOtherClock(events);
  const isDry = dryRun === true;
  const paths = homePaths();
  const nowMs = MACHINE_CLOCK.nowMs();
  let added = events.length;
  if (events.length > 0 && !isDry) {
    const store = await openStore(storeUrl(process.env, paths));
    try {
      const from = events[0]!.time;
      const to = events.at(-1)!.time + 1;
      ({ added } = await takeCalendar(store, { source, from, to, events, knownFrom: 0 }, nowMs));
      await publishCalendar(store, paths.models, calendarNowMs(loadSettings(), paths, nowMs));
    } finally {
      await store.close();
    }
  }
  output.written(isDry || events.length === 0 ? null : { target: source, after: { added, events: events.length } });
  const span = events.length === 0 ? '' : `, ${shown(events[0]!.time)} to ${shown(events.at(-1)!.time)} UTC`;
  output.line(`${counted(events.length, 'event')}${span}: ${isDry ? 'nothing was stored' : `${added} new`}.`);
  const others = [
    [left.withoutTime, 'without a time of day'],
    [left.withoutImportance, 'without importance'],
    [left.withoutCurrency, 'of no single currency'],
  ] as const;
  for (const [count, why] of others) if (count > 0) output.line(`Left out: ${count} ${why}.`);
  if (loadSettings().core.news_stop === null)
    output.note('`news_stop` in core_policy.yaml is off: nothing is stopped by these events.');
  if (events.length === 0) process.exitCode = FAILED;
  output.result({ file: source, events: events.length, added, ...left, dry_run: isDry });
}

async function runList({ days, importance, all }: ListFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const wish = { days: parseInteger(days, '--days', 1), importance, isAll: all === true };
  const store = await openStoreIfThere(process.env, homePaths());
  try {
    const found = await nextNews(store, settings, wish, calendarNowMs(settings, homePaths(), MACHINE_CLOCK.nowMs()));
    const { events: next, coversUntil, fault, currencies } = found;
    for (const { time, currency, importance: rank, name } of next)
      output.line(`${shown(time)}  ${currency}  ${rank.padEnd(6)}  ${name}`);
    if (next.length === 0) output.line('No events.');
    if (coversUntil !== null) output.line(`The calendar reaches to ${shown(coversUntil)} UTC.`);
    if (fault !== null) output.note(`${fault.code}: ${fault.message} ${fault.next}`);
    output.result({
      news_stop: settings.core.news_stop,
      currencies,
      covers_until: coversUntil === null ? null : isoMinute(coversUntil),
      stored: await countsOf(store),
      events: next.map((event) => ({ ...event, time: isoMinute(event.time) })),
      fault: fault?.toJSON() ?? null,
    });
  } finally {
    await store?.close();
  }
}

async function countsOf(store: Store | null): Promise<Readonly<Record<Importance, number>>> {
  return store === null ? { low: 0, medium: 0, high: 0 } : await countNews(store);
}

const shown = (time: number): string => shownMinute(isoMinute(time));
