import { createHash } from 'node:crypto';
import type { OpenTime } from '../../shared/bar.ts';
import { minutes, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { parsePair } from '../../shared/pair.ts';
import { decisionPolicy, type Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import { NO_JOURNAL } from '../journal/journal.ts';
import { Pipeline } from '../pipeline.ts';
import type { Publication } from '../publish/publish.ts';

export interface ReplayOptions {
  readonly settings: Settings;
  readonly pairIds: readonly string[];
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly models: ModelSet;
  readonly clock: Clock;
  readonly bootId: string;
  /** Earlier bars warm the features and publish nothing. */
  readonly from: OpenTime;
  readonly to: OpenTime;
  onSignals(batch: readonly Publication[]): void;
  onMinute(time: OpenTime): void;
}

export interface ReplaySummary {
  readonly signals: number;
  readonly minutes: number;
  readonly enters: number;
  readonly exits: number;
  /** SHA-256 over the deterministic part of every signal, one line each, in order. */
  readonly sha256: string;
}

/** Runs bars through the daemon's own pipeline, minute by minute, as fast as it goes. */
export async function replay(options: ReplayOptions): Promise<ReplaySummary> {
  const { settings, clock } = options;
  const { minutehand } = settings;
  const hash = createHash('sha256');
  const summary = { signals: 0, minutes: 0, enters: 0, exits: 0 };
  let failure: unknown = null;
  const pipeline = new Pipeline({
    pairs: options.pairIds.map(parsePair),
    windows: minutehand.windows,
    schema: featureSchema(minutehand.windows),
    policy: decisionPolicy(settings),
    policyHash: settings.policyHash,
    market: 'replay',
    bootId: options.bootId,
    feedIntervalMs: minutehand.feed.interval_ms,
    stragglerTimeoutMs: minutehand.feed.straggler_timeout_ms,
    clock,
    sockets: [{ name: 'file', failures: 0, publish: options.onSignals, close: () => Promise.resolve() }],
    files: [],
    journal: NO_JOURNAL,
    observer: {
      onSignals(batch) {
        for (const { body, bodyText } of batch) {
          hash.update(bodyText).update('\n');
          summary.signals++;
          if (body.action === 'ENTER') summary.enters++;
          if (body.action === 'EXIT') summary.exits++;
        }
      },
      onSwap: () => undefined,
      // A live daemon goes on without models; a replay that did would prove nothing.
      onModelFailure: (error) => (failure = error),
    },
  });
  pipeline.swap(options.models);
  for (const { time, bars } of minutes(options.bars)) {
    if (time >= options.to) break;
    const isWarmUp = time < options.from;
    for (const bar of bars) if (pipeline.knows(bar.symbol)) pipeline.takeBar(bar, isWarmUp);
    pipeline.endMinute();
    await pipeline.settled();
    if (failure !== null) throw failure;
    if (!isWarmUp) summary.minutes++;
    options.onMinute(time);
  }
  return { ...summary, sha256: hash.digest('hex') };
}
