import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { SessionCalendar } from '../../../../shared/market/session_calendar.ts';
import type { DependencyFault } from '../../../../shared/dependencies/watch.ts';
import { refusedTraining } from '../../../../shared/bundle/refused_training.ts';
import { describeError } from '../../../../shared/errors.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import { shardsOf, type Settings } from '../../../../shared/policy/policy.ts';
import type { Clock } from '../../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../../shared/in_turn.ts';
import { feedVerdicts, refusedFeeds, type RefusedFeed } from '../../../jobs/bars/received_verdicts.ts';
import { addFeedStops, FEED_STOP_NEXT } from './feed_stops.ts';
import type { Notifier } from '../notifier.ts';
import type { Notice } from '../outbox.ts';
import { readBarSlots } from './bar_slots.ts';
import { DaemonConditions, DEPENDENCY, type Conditions } from './conditions.ts';
import { lookAtDaemon } from './daemon_look.ts';
import { fatalsOf } from './fatals.ts';
import { isUnitBack } from './units.ts';

/** A dead daemon is detected after three checks. */
const LOOK_MS = 10_000;
const CALENDAR_MS = 6 * 3_600_000;
const FEEDS_MS = 3_600_000;
const FEED_SUSPECT = 'feed_suspect';
const FEED_STOPPED = 'feed_stopped';
const MEGABYTE = 1024 ** 2;

export interface WatchOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly clock: Clock;
  /** Dependencies of the trainer that fail. */
  faults?(): readonly DependencyFault[];
  readonly notifier: Notifier & {
    /** Keys of the alerts that are open now. */
    openKeys(): Promise<readonly string[]>;
  };
}

export interface Watch {
  /** Whether the last check was recent and found daemons, feeds and disk healthy. */
  isWell(): boolean;
  /** Checks now, in addition to scheduled checks. Never rejects. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Checks daemons, feeds and disk every ten seconds; raises alerts and resolves them. */
export function startWatch(options: WatchOptions): Watch {
  const watch = new RunningWatch(options);
  watch.begin();
  return watch;
}

class RunningWatch implements Watch {
  readonly #options: WatchOptions;
  readonly #place: string;
  readonly #daemons: readonly {
    readonly shard: ReturnType<typeof shardsOf>[number];
    readonly conditions: DaemonConditions;
  }[];
  #calendar = new SessionCalendar(new Map());
  #calendarMs = -Infinity;
  #feeds: readonly Notice[] = [];
  #feedsMs = -Infinity;
  #wellMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  readonly look = atMostOneWaiting(() => this.#lookCarefully());
  #stopped = false;

  constructor(options: WatchOptions) {
    const { minutehand } = options.settings;
    this.#options = options;
    this.#place = hostname();
    const isLive = minutehand.market === 'live';
    this.#daemons = shardsOf(minutehand).map((shard) => ({
      shard,
      conditions: new DaemonConditions(
        `${shard.name}@${this.#place}`,
        isLive ? shard.pairs : null,
        () => this.#calendar,
        () => refusedTraining(options.paths.models, minutehand.market),
      ),
    }));
  }

  begin(): void {
    this.#lookAfter(0);
  }

  isWell(): boolean {
    return performance.now() - this.#wellMs < 3 * LOOK_MS;
  }

  async #lookCarefully(): Promise<void> {
    try {
      await this.#lookOnce();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'daemons could not be checked');
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.look();
  }

  #lookAfter(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.look().then(() => this.#lookAfter(LOOK_MS)), ms);
    this.#timer.unref();
  }

  async #lookOnce(): Promise<void> {
    const { settings, paths, clock, notifier } = this.#options;
    await this.#readCalendar();
    await this.#judgeFeeds();
    const own = this.#dependencies();
    // Daemons are found by files of the home: without it nothing is known of them.
    const seen = this.#isHomeLost() ? [] : this.#daemons;
    const looks = await Promise.all(seen.map(({ shard }) => lookAtDaemon(settings, paths, shard)));
    const found = seen.map(({ conditions }, i) => conditions.check(looks[i]!, clock.nowMs()));
    const disk = await this.#disk();
    if (this.#stopped) return;
    const notices = [...found.flatMap(({ notices }) => notices), ...disk, ...own, ...this.#feeds];
    const open = new Set(await notifier.openKeys());
    for (const notice of notices) if (!open.has(notice.key)) await notifier.raise(notice);
    const current = new Set(notices.map(({ key }) => key));
    for (const key of open)
      if (!current.has(key) && (this.#isChecked(key, found) || isUnitBack(key, looks, paths)))
        await notifier.clear(key);
    for (const { shard } of this.#daemons)
      for (const fatal of fatalsOf(paths, shard.name, clock.nowMs())) await notifier.raise(fatal);
    if (found.every(({ isWell }) => isWell) && disk.length === 0 && own.length === 0) this.#wellMs = performance.now();
  }

  /** Whether this check could have detected the alert of this key. */
  #isChecked(key: string, found: readonly Conditions[]): boolean {
    if (['disk', FEED_SUSPECT, FEED_STOPPED].some((event) => key === `${event}:${this.#place}`)) return true;
    if (key.startsWith(`${DEPENDENCY}:trainer@${this.#place}:`)) return true;
    const [event, place] = key.split(':') as [string, string?];
    if (found.length === 0) return false;
    // A halt applies to every daemon.
    if (event === 'kpi_halt') return found.every(({ checked }) => checked.includes(event));
    const index = this.#daemons.findIndex(({ shard }) => place === `${shard.name}@${this.#place}`);
    return index >= 0 && found[index]!.checked.includes(event);
  }

  #isHomeLost(): boolean {
    const faults = this.#options.faults?.() ?? [];
    return faults.some(({ dependency, code }) => dependency === 'home_folder' && code === 'FOLDER_UNUSABLE');
  }

  #dependencies(): Notice[] {
    const place = `trainer@${this.#place}`;
    return (this.#options.faults?.() ?? []).map(({ dependency, code, message, next, since }) => ({
      key: `${DEPENDENCY}:${place}:${dependency}`,
      event: DEPENDENCY,
      subject: place,
      text: `${code}: ${message}`,
      command: next,
      sinceMs: Date.parse(since),
      details: { code, dependency },
    }));
  }

  async #disk(): Promise<Notice[]> {
    const { settings, paths } = this.#options;
    const least = settings.retrain.notification_disk_min_mb;
    const disk = await statfs(paths.home).catch(() => null);
    // A home that is gone is reported as such.
    if (disk === null) return [];
    const { bavail, bsize } = disk;
    const free = Math.floor((bavail * bsize) / MEGABYTE);
    if (free >= least) return [];
    const text = `${free} MB free on the disk of ${paths.home}, expected at least ${least}.`;
    return [{ key: `disk:${this.#place}`, event: 'disk', subject: this.#place, text }];
  }

  /**
   * One notice of all symbols whose received bars an import would refuse; after an hour it is decided again. Where no
   * market is an explanation, entries of their pairs are stopped as by a person.
   */
  async #judgeFeeds(): Promise<void> {
    const { settings, paths, clock, log } = this.#options;
    if (Math.abs(clock.nowMs() - this.#feedsMs) < FEEDS_MS || this.#isHomeLost()) return;
    this.#feedsMs = clock.nowMs();
    try {
      const refused = refusedFeeds(await feedVerdicts(settings, paths));
      const text = `An import would refuse the bars that the daemon received. ${refused.map((own) => own.text).join('; ')}`;
      const notice = {
        key: `${FEED_SUSPECT}:${this.#place}`,
        event: FEED_SUSPECT,
        subject: this.#place,
        text,
      } as const;
      const faulty = refused.filter(({ isCertain }) => isCertain);
      this.#feeds = [
        ...(refused.length === 0 ? [] : [notice]),
        ...(faulty.length === 0 ? [] : [await this.#stopEntries(faulty)]),
      ];
    } catch (error) {
      log.warn({ err: error }, 'received bars cannot be judged');
    }
  }

  async #stopEntries(faulty: readonly RefusedFeed[]): Promise<Notice> {
    const { settings, paths, clock, log } = this.#options;
    const symbols = faulty.map(({ symbol }) => symbol).join(', ');
    let done = `Entries with ${symbols} are stopped.`;
    try {
      const added = await addFeedStops(settings, paths.models, faulty, new Date(clock.nowMs()));
      for (const stop of added) log.warn(stop, 'entries are stopped: the bars that a daemon received are wrong');
    } catch (error) {
      const { code, message } = describeError(error);
      log.error({ err: error }, 'entries could not be stopped although received bars are wrong');
      done = `Entries with ${symbols} go on: they could not be stopped (${code}: ${message}).`;
    }
    const text = `${done} ${faulty.map((own) => own.text).join('; ')}. ${FEED_STOP_NEXT}`;
    return { key: `${FEED_STOPPED}:${this.#place}`, event: FEED_STOPPED, subject: this.#place, text };
  }

  async #readCalendar(): Promise<void> {
    const { settings, paths, clock, log } = this.#options;
    if (settings.minutehand.market !== 'live') return;
    if (Math.abs(clock.nowMs() - this.#calendarMs) < CALENDAR_MS) return;
    this.#calendarMs = clock.nowMs();
    try {
      this.#calendar = new SessionCalendar(readBarSlots(settings, paths, clock.nowMs()));
    } catch (error) {
      log.warn({ err: error }, 'the session calendar cannot be read; the usual week is taken');
    }
  }
}
