import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { describeError } from '../../../shared/errors.ts';
import { takeCalendar, TERMINAL } from '../../store/news.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import { createPasses } from '../schedule/passes.ts';
import { STORE_RETRY_MS, type StoreWork, type StoreWorkOptions } from '../schedule/store_work.ts';
import { calendarNowMs } from './calendar_now.ts';
import { CalendarFiles, type SentCalendar } from './calendar_files.ts';
import { publishCalendar } from './publish_calendar.ts';

const EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;

/**
 * Stores the calendars that expert advisors send, and writes `models/news.json` for the daemons: when one came, and
 * once an hour, as days pass.
 */
export function startNews(options: StoreWorkOptions): StoreWork {
  const { settings, paths, log, print, env = process.env, clock = MACHINE_CLOCK } = options;
  const opener = storeOpener(async () => ({ store: await openStore(storeUrl(env, paths), clock) }));
  const files = new CalendarFiles(paths);
  /** The hour whose calendar is written; null: there is a newer one. */
  let publishedHour: number | null = null;

  async function lookOnce(): Promise<void> {
    const { store } = await opener.get();
    const nowMs = clock.nowMs();
    const marketMs = calendarNowMs(settings, paths, nowMs);
    const hour = Math.floor(marketMs / HOUR_MS);
    for (const calendar of readSent()) {
      const { account, from, to, events } = calendar;
      const part = { source: `${TERMINAL} ${account}`, from, to, events, knownFrom: Math.floor(nowMs / 1000) };
      const { added, ended } = await takeCalendar(store, part, nowMs);
      files.taken(calendar);
      publishedHour = null;
      log.info({ account, events: events.length, added, ended }, 'economic calendar from a terminal');
    }
    if (hour === publishedHour) return;
    await publishCalendar(store, paths.models, marketMs);
    publishedHour = hour;
  }

  /** A file that is none is told once, and changes nothing. */
  function readSent(): readonly SentCalendar[] {
    const { sent, refused } = files.read();
    for (const error of refused) {
      const { code, message, next } = describeError(error);
      log.error({ code, message }, 'economic calendar of a terminal refused');
      print(`${code}: ${message} ${next}`);
    }
    return sent;
  }

  const passes = createPasses({
    work: lookOnce,
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed({ code, message }) {
      print(`The economic calendar cannot be stored (${code}: ${message}).`);
      log.error({ code, message }, 'economic calendar cannot be stored');
    },
    onRecovered: () => print('The economic calendar is stored again.'),
  });
  passes.begin();
  return {
    pass: () => passes.pass(),
    async stop() {
      await passes.stop();
      await opener.close();
    },
  };
}
