import { setImmediate as loopTurn } from 'node:timers/promises';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import { barInput, type BarSink } from '../queue/input.ts';

const BACKFILL_MINUTES_PER_SLICE = 500;
const SKIPPED_MINUTES_PER_TURN = 500;

/** Minutes in order: made by a seed, or recorded ones. */
export interface PlayedMarket {
  /** The minute that `next` will give; null after the last one. */
  readonly nextTime: OpenTime | null;
  /** The bars of the next minute that has any. */
  next(): { readonly bars: readonly Bar[] };
  /** Same as `minutes` calls of `next`. */
  skip(minutes: number): void;
}

export interface PlayedFeedOptions {
  readonly market: PlayedMarket;
  /** Minutes before the first one that is published. */
  readonly historyBars: number;
  readonly barIntervalMs: number;
  /** Newest minute the daemon has already; null on a first start. */
  readonly resumeAfter: OpenTime | null;
  readonly sink: BarSink;
  /** Returns whether there are models; the first minute waits for them, but not longer than `awaitModelsMs`. */
  hasModels(): boolean;
  readonly awaitModelsMs: number;
  settled(): Promise<unknown>;
  onProgress(done: number, total: number): void;
  /** Called once after the last minute. */
  onEnd?(): void;
  /** Aborted when the process is to end: the history is given up at its next part. */
  readonly ending?: AbortSignal | undefined;
}

export interface RunningFeed {
  /** Whether bars have begun to come. */
  readonly begun: boolean;
  /** No bar is sent after this resolves. */
  stop(): Promise<void>;
}

/**
 * A market with a clock of its own: history first, as backfill, then one minute every `barIntervalMs`.
 * @throws the reason of `ending` when that was aborted
 */
export async function startPlayedFeed(options: PlayedFeedOptions): Promise<RunningFeed> {
  const { market, resumeAfter } = options;
  let minutesDone = 0;
  while (resumeAfter !== null && market.nextTime !== null && market.nextTime <= resumeAfter) {
    minutesDone++;
    market.skip(1);
    // A week of the market takes seconds, in which /healthz has to answer.
    if (minutesDone % SKIPPED_MINUTES_PER_TURN !== 0) continue;
    await loopTurn();
    options.ending?.throwIfAborted();
  }
  await backfill(market, minutesDone, options);

  let stopped = false;
  let begun = false;
  let timer: NodeJS.Timeout | undefined;
  let dueMs = performance.now() + options.barIntervalMs;
  const beginsAtTheLatestMs = performance.now() + options.awaitModelsMs;
  const tick = (): void => {
    if (stopped) return;
    begun ||= options.hasModels() || performance.now() >= beginsAtTheLatestMs;
    if (begun) {
      if (market.nextTime === null) {
        options.onEnd?.();
        return;
      }
      for (const bar of market.next().bars) options.sink.take(barInput(bar, false));
    }
    const nowMs = performance.now();
    // After a pause of the machine the market continues from now; it does not race to catch up.
    dueMs = Math.max(dueMs + options.barIntervalMs, nowMs);
    timer = setTimeout(tick, dueMs - nowMs);
  };
  timer = setTimeout(tick, options.barIntervalMs);
  return {
    get begun() {
      return begun;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await options.settled();
    },
  };
}

async function backfill(market: PlayedMarket, minutesDone: number, options: PlayedFeedOptions): Promise<void> {
  for (let done = minutesDone; done < options.historyBars;) {
    const slice = Math.min(BACKFILL_MINUTES_PER_SLICE, options.historyBars - done);
    for (let i = 0; i < slice; i++) for (const bar of market.next().bars) options.sink.take(barInput(bar, true));
    await options.settled();
    options.ending?.throwIfAborted();
    done += slice;
    options.onProgress(done, options.historyBars);
  }
}
