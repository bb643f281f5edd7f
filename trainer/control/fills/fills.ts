import { hostname } from 'node:os';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { FILLS_STREAM } from '../../../shared/fill/fill.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { homeId, ownerOf } from '../../../shared/owner/owner.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { CONNECTED, type StreamReader } from '../../../shared/redis/redis_stream.ts';
import { createPasses } from '../schedule/passes.ts';
import { STORE_RETRY_MS, type StoreWork, type StoreWorkOptions } from '../schedule/store_work.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import { createFillFiles } from './fill_files.ts';
import { readFillStream } from './fill_stream.ts';
import { FillsLink } from './fills_link.ts';
import { createIntake } from './intake.ts';
import { journalLookup } from './signal_lookup.ts';

const EVERY_MS = 1000;

export interface FillsOptions extends StoreWorkOptions {
  /** Told how the stream of fills is. */
  readonly link?: FillsLink;
}

/**
 * The consumer group of a home, so that every store has every fill. Machines with one lease may have been set up by a
 * copy of the home.
 */
export function fillsGroup({ minutehand }: Settings, { home }: Pick<HomePaths, 'home'>): string {
  const machine = minutehand.lease.url === null ? '' : `@${hostname()}`;
  return `minutehand-trainer:${homeId(home)}${machine}`;
}

/**
 * Stores the fills of expert advisors from result.json files and Redis in `core.live_trades` while the trainer runs.
 * Files, Redis and store may be absent and appear later. What cannot be stored yet stays in its file, or unacknowledged
 * in Redis.
 */
export function startFills(options: FillsOptions): StoreWork {
  const { settings, paths, link = new FillsLink(), log, print, env = process.env, clock = MACHINE_CLOCK } = options;
  const { redis } = settings.minutehand.transports;
  const opener = storeOpener(async () => {
    const store = await openStore(storeUrl(env, paths), clock);
    const intake = createIntake(store, journalLookup(settings, paths), clock);
    return { store, intake, files: createFillFiles(store, intake, paths, clock) };
  });

  function report(refused: number, place: string): void {
    if (refused > 0)
      log.warn({ refused, place }, 'lines that are no fills, or contradict one; `minutehand trades check` shows them');
  }

  async function lookOnce(): Promise<void> {
    const { files, intake } = await opener.get();
    const { added, refused } = await files.pass();
    report(refused, 'result.json');
    if (added > 0) log.info({ added }, 'fills from result.json');
    await intake.join();
  }

  const passes = createPasses({
    work: lookOnce,
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed({ code, message }) {
      print(`Fills cannot be stored (${code}: ${message}); they wait in their files and in Redis.`);
      log.error({ code, message }, 'fills cannot be stored');
    },
    onRecovered: () => print('Fills are stored again.'),
  });

  const stream: StreamReader | null =
    redis.enabled === 'off'
      ? null
      : readFillStream({
          transport: redis,
          group: fillsGroup(settings, paths),
          owner: ownerOf(settings, paths),
          async take(lines) {
            const { intake } = await opener.get();
            const { added, refused } = await intake.take(lines, 'redis', FILLS_STREAM);
            report(refused, FILLS_STREAM);
            if (added > 0) log.info({ added }, 'fills from Redis');
          },
          onOversized(entries) {
            for (const { id, bytes } of entries) {
              const seen = `${bytes} bytes in ${FILLS_STREAM} ${id}`;
              const { code, message, next } = new MinutehandError('STREAM_ENTRY_SIZE', { seen });
              log.warn({ code, id, bytes }, message);
              print(`${code}: ${message} ${next}`);
            }
          },
          onMended({ removed }) {
            const seen = `${removed} in ${FILLS_STREAM}`;
            const { code, message, next } = new MinutehandError('STREAM_IDS', { seen });
            log.error({ code, removed }, message);
            print(`${code}: ${message} ${next}`);
          },
          onTaken: (by) => (link.takenBy = by),
          onState(state, detail) {
            link.enter(state, detail);
            if (state === 'up' && detail === CONNECTED) log.info(`fills are read from Redis, stream ${FILLS_STREAM}`);
            else if (state === 'up') log.warn({ detail }, `fills are read from Redis, stream ${FILLS_STREAM}`);
            else log.warn({ detail }, 'fills are not read from Redis; those of result.json are');
          },
        });
  passes.begin();

  return {
    pass: () => passes.pass(),
    async stop() {
      await Promise.all([stream?.stop(), passes.stop()]);
      await opener.close();
    },
  };
}
