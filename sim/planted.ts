import type { FileSystem } from '../shared/ports.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import { protocolConsumer, type ConsumerMaker } from './consumers.ts';

/** Bugs that are put into a world on purpose, to see whether it finds them: name and what is wrong. */
export const PLANTED = {
  lost_sync: 'what the trainer syncs is not synced: bundles and active.json can be torn by a power cut',
  skipped_expiry: 'consumers do not check whether a signal has expired',
  short_recovery: 'after a restart one bar too few is stepped again',
  early_swap: 'models answer from the moment on when they begin to load, before they are journaled',
  unjournaled_halts: 'changes of the halts take effect, and are not journaled',
  deaf_to_halts: 'halts are read when the daemon starts, and never again',
  lost_shadows: 'answers of shadow models that the journal refused are not stored when it takes writes again',
  early_acknowledgment: 'the journal counts as stored when its writer has received it',
  short_validity: 'the daemon takes the feed for a faster one: signals expire too early',
  lost_fallback: 'after models failed, the next swap does not keep the models before it as a fallback',
  doubling_retry:
    'consumers do not keep which positions they entered: a decision that is delivered again is entered again',
} as const;
export type PlantedBug = keyof typeof PLANTED;

/** Files whose `sync` does nothing. */
export function withoutSync(files: FileSystem): FileSystem {
  return { ...files, sync: () => undefined };
}

/** Files among which `halts.json` never changes. */
export function withOldHalts(files: FileSystem, path: string): FileSystem {
  let first: ReturnType<FileSystem['stat']> | undefined;
  return {
    ...files,
    stat: (asked) => (asked === path ? (first === undefined ? (first = files.stat(asked)) : first) : files.stat(asked)),
  };
}

/** A store that leaves the halts out. */
export function withoutHalts(store: JournalStore): JournalStore {
  return {
    ...store,
    append: (inputs, signals, shadows, feedPosition) =>
      store.append(
        inputs.filter(({ kind }) => kind !== 'halts'),
        signals,
        shadows,
        feedPosition,
      ),
  };
}

/** A store that loses the shadow answers of a failed write. */
export function withoutRefusedShadows(store: JournalStore): JournalStore {
  const forgotten = new Set<unknown>();
  return {
    ...store,
    append(inputs, signals, shadows = [], feedPosition) {
      try {
        store.append(
          inputs,
          signals,
          shadows.filter((row) => !forgotten.has(row)),
          feedPosition,
        );
      } catch (error) {
        for (const row of shadows) forgotten.add(row);
        throw error;
      }
    },
  };
}

/** A store that finds the start of the recovery one minute too late. */
export function withShortRecovery(store: JournalStore): JournalStore {
  return {
    ...store,
    commonMinuteBefore: (pair, count, until) => store.commonMinuteBefore(pair, Math.max(1, count - 1), until),
    // Or the bars that the screen looks back over would make up for it.
    barBefore: (symbol, _count, until) => store.barBefore(symbol, 1, until),
  };
}

/** Settings of a feed whose bars come every 50 s. */
export function withFasterFeed(settings: Settings): Settings {
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, feed: { ...minutehand.feed, interval_ms: 50_000 } } };
}

/** Consumers that never find a signal too old: to them it is always the moment of its birth. */
export const consumerWithoutExpiry: ConsumerMaker = (state) => {
  const consumer = protocolConsumer(state);
  return {
    ...consumer,
    take(text, nowMs) {
      const born = /"generated_at_ms":(\d+)/.exec(text)?.[1];
      return consumer.take(text, born === undefined ? nowMs : Number(born));
    },
  };
};

/** Consumers that take every ENTER for a new one. */
export const forgetfulConsumer: ConsumerMaker = (state) => {
  let consumer = protocolConsumer(state);
  return {
    take(text, nowMs) {
      const memories = Object.entries(consumer.state()).map(
        ([key, memory]) => [key, { ...memory, entered: [] }] as const,
      );
      consumer = protocolConsumer(Object.fromEntries(memories));
      return consumer.take(text, nowMs);
    },
    closed: (positionId) => consumer.closed(positionId),
    state: () => consumer.state(),
  };
};

/** Models that are all the same ones: those that began to load last. */
export function createEarlySwap(): { begin(set: ModelSet): void; wrap(set: ModelSet): ModelSet } {
  let newest: ModelSet | null = null;
  return {
    begin(set) {
      newest = set;
    },
    wrap: (set) => ({
      get version() {
        return (newest ?? set).version;
      },
      get modelsHash() {
        return (newest ?? set).modelsHash;
      },
      get manifest() {
        return (newest ?? set).manifest;
      },
      get theta1() {
        return (newest ?? set).theta1;
      },
      get theta2() {
        return (newest ?? set).theta2;
      },
      engines: set.engines,
      engineNotes: set.engineNotes,
      hasEdge: (pairId) => (newest ?? set).hasEdge(pairId),
      infer: (...asked) => (newest ?? set).infer(...asked),
      release: () => set.release(),
    }),
  };
}

/**
 * Models of one process: those that served between a failure and the next swap do not answer as a fallback after it.
 */
export function createLostFallback(): { failed(): void; swapped(): void; wrap(set: ModelSet): ModelSet } {
  let hasFailed = false;
  let serving: ModelSet | null = null;
  const lost = new Set<ModelSet>();
  return {
    failed: () => void (hasFailed = true),
    swapped() {
      if (hasFailed && serving !== null) lost.add(serving);
      hasFailed = false;
    },
    wrap: (set) => ({
      ...set,
      infer(...asked) {
        if (lost.has(set)) throw new Error(`${set.version} was released`);
        serving = set;
        return set.infer(...asked);
      },
    }),
  };
}
