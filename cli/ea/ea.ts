import { dirname, join } from 'node:path';
import { MACHINE_FILES } from '../../shared/files.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { removeForeignLinks } from '../../shared/foreign_links.ts';
import { makeFolder } from '../../shared/folder.ts';
import { ACCOUNT_FILE, readAccount, writeAccount, type PaperAccount } from '../../shared/fill/account.ts';
import type { Fill } from '../../shared/fill/fill.ts';
import { KILL_FILE } from '../../shared/fill/followers.ts';
import { parsePair } from '../../shared/pair.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import { lockHome } from '../../shared/process/home_lock.ts';
import { sendFills, type FillSender } from './fill_sender.ts';
import { createPaperAgent, type PaperAgent } from './paper_agent.ts';
import { followFiles } from './signal_files.ts';
import { followRedis } from './signal_redis.ts';
import type { OnText, SignalSource } from './signal_source.ts';
import { followWebSocket } from './signal_websocket.ts';
import { pathInside } from '../../shared/path_name.ts';

export const WAYS = ['file', 'redis', 'ws'] as const;
export type Way = (typeof WAYS)[number];

export interface EaOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly way: Way;
  readonly pairIds: readonly string[];
  /** Of its folder below `<home>/ea`: two at a time need two. */
  readonly name: string;
  /** With `ws`: `ws://host:port/signals`. */
  readonly url: string;
  readonly equity: number;
  readonly risk: number;
  readonly maxOpenPairs: number;
  onFill(fill: Fill): void;
  /** The disk takes nothing any more: it has stopped, and traded nothing of it. */
  onFailure(error: unknown): void;
}

export interface RunningEa {
  readonly folder: string;
  /** Of its money, as account.json has it. */
  readonly currency: string;
  readonly agent: PaperAgent;
  readonly source: SignalSource;
  stop(): Promise<void>;
}

const NEXT_WHEN_LOCKED =
  'An account of this name runs already: end it with Ctrl-C where it runs, or give another --name.';
const TICK_MS = 250;
const MAX_HEDGE_ERROR = 0.2;
const MAX_CLOCK_SKEW_MS = 2000;

/**
 * Starts the reference consumer on paper.
 * @throws MinutehandError HOME_LOCKED when one of this name runs; EXCHANGE_LINK when another user had linked its folder
 * elsewhere; HOME_UNUSABLE, OUTPUT_UNWRITABLE, EA_STATE, CONFIG_INVALID
 */
export function startEa(options: EaOptions): RunningEa {
  const { settings, paths, clock, pairIds } = options;
  const { market, symbols, transports } = settings.minutehand;
  const folder = pathInside(paths.ea, `${options.name}_paper`);
  const links = removeForeignLinks(paths.ea);
  if (links.length > 0) throw new MinutehandError('EXCHANGE_LINK', { seen: links.join(', ') });
  const unlock = lockHome(join(folder, 'lock'), NEXT_WHEN_LOCKED);
  try {
    makeFolder(folder);
    const account = accountOf(folder, options.equity);
    const agent = createPaperAgent({
      folder,
      pairs: pairIds.map(parsePair),
      market,
      rules: {
        costs: symbols,
        equity: account.equity,
        risk: options.risk,
        maxOpenPairs: options.maxOpenPairs,
        maxHedgeError: MAX_HEDGE_ERROR,
        currency: account.currency,
      },
      maxClockSkewMs: MAX_CLOCK_SKEW_MS,
      clock,
      files: MACHINE_FILES,
      killFile: join(dirname(paths.ea), KILL_FILE),
      onFill: options.onFill,
    });
    let failed = false;
    const guarded = (work: () => void): void => {
      if (failed) return;
      try {
        work();
      } catch (error) {
        failed = true;
        options.onFailure(error);
      }
    };
    const source = follow(options, (text, pairId) => guarded(() => void agent.receive(text, pairId)));
    const timer = setInterval(() => guarded(() => agent.tick()), TICK_MS);
    const sender: FillSender | null =
      options.way === 'redis' ? sendFills(MACHINE_FILES, folder, transports.redis) : null;
    return {
      folder,
      currency: account.currency,
      agent,
      source,
      async stop() {
        clearInterval(timer);
        await source.stop();
        await sender?.stop();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The account's own money: that of the first start, whatever a later one says. */
function accountOf(folder: string, equity: number): PaperAccount {
  const path = join(folder, ACCOUNT_FILE);
  const known = readAccount(MACHINE_FILES, path);
  if (known !== null) return known;
  const fresh = { equity, currency: 'USD' };
  writeAccount(MACHINE_FILES, path, fresh);
  return fresh;
}

function follow({ settings, paths, way, pairIds, url }: EaOptions, receive: OnText): SignalSource {
  switch (way) {
    case 'file':
      return followFiles(MACHINE_FILES, paths.signals, pairIds, receive);
    case 'redis':
      return followRedis(settings.minutehand.transports.redis, pairIds, receive);
    case 'ws':
      return followWebSocket(`${url}?pairs=${pairIds.join(',')}`, receive);
  }
}
