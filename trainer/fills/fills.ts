import type { Logger } from 'pino';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { describeError } from '../../shared/errors.ts';
import { FILLS_STREAM } from '../../shared/fill/fill.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import { openStore, storeUrl, type Store } from '../store/store.ts';
import { createFillFiles, type FillFiles } from './fill_files.ts';
import { readFillStream, type FillStream } from './fill_stream.ts';
import { createIntake, type FillIntake } from './intake.ts';
import { journalLookup } from './signal_lookup.ts';

export interface FillsOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  say(line: string): void;
  /** Where MINUTEHAND_DATABASE_URL may name the store; the process's unless given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

export interface RunningFills {
  /** Reads what is in the files now. Never rejects. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}

interface Opened {
  readonly store: Store;
  readonly intake: FillIntake;
  readonly files: FillFiles;
}

const EVERY_MS = 1000;
/** A store that is away is asked again so often. */
const RETRY_MS = 10_000;

/**
 * Takes the fills of expert advisors from result.json files and from Redis into `core.live_trades`, as long as the trainer runs. Everything may be
 * absent, and come: files, Redis, the store. What cannot be stored now waits where it is, in its file or unacknowledged in Redis.
 */
export function startFills(options: FillsOptions): RunningFills {
  const { settings, paths, log, say, env = process.env, clock = MACHINE_CLOCK } = options;
  const { redis } = settings.minutehand.transports;
  let opened: Promise<Opened> | null = null;
  let failure = '';
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  function open(): Promise<Opened> {
    const opening = (opened ??= openStore(storeUrl(env, paths), clock).then((store) => {
      const intake = createIntake(store, journalLookup(settings, paths), clock);
      return { store, intake, files: createFillFiles(store, intake, paths, clock) };
    }));
    return opening.catch((error: unknown) => {
      opened = null;
      throw error;
    });
  }

  function report(refused: number, place: string): void {
    if (refused > 0)
      log.warn({ refused, place }, 'lines that are no fills, or contradict one; `minutehand trades check` shows them');
  }

  async function lookOnce(): Promise<void> {
    const { files, intake } = await open();
    const { added, refused } = await files.pass();
    report(refused, 'result.json');
    if (added > 0) log.info({ added }, 'fills from result.json');
    await intake.join();
  }

  /** One at a time: passes that overlap would read the same lines. */
  let turn: Promise<void> = Promise.resolve();
  function pass(): Promise<void> {
    turn = turn.then(async () => {
      try {
        await lookOnce();
        if (failure !== '') say('Fills are stored again.');
        failure = '';
      } catch (error) {
        const { code, message } = describeError(error);
        // The same words every ten seconds would say nothing new.
        if (failure !== code) {
          say(`Fills cannot be stored (${code}: ${message}); they wait in their files and in Redis.`);
          log.error({ code, message }, 'fills cannot be stored');
        }
        failure = code;
      }
    });
    return turn;
  }

  function schedule(ms: number): void {
    if (stopped) return;
    timer = setTimeout(() => void pass().then(() => schedule(failure === '' ? EVERY_MS : RETRY_MS)), ms);
  }

  const stream: FillStream | null =
    redis.enabled === 'off'
      ? null
      : readFillStream({
          transport: redis,
          async take(lines) {
            const { intake } = await open();
            const { added, refused } = await intake.take(lines, 'redis', FILLS_STREAM);
            report(refused, FILLS_STREAM);
            if (added > 0) log.info({ added }, 'fills from Redis');
          },
          onState: (state, detail) =>
            state === 'up'
              ? log.info(`fills are read from Redis, stream ${FILLS_STREAM}`)
              : log.warn({ detail }, 'fills are not read from Redis; those of result.json are'),
        });
  schedule(0);

  return {
    pass,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await stream?.stop();
      await turn;
      await (await opened?.catch(() => null))?.store.close();
    },
  };
}
