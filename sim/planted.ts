import type { LeaseRecord } from '../daemon/lease/lease.ts';
import type { LeaseStore } from '../daemon/lease/lease_store.ts';
import { FLAT_POSITION } from '../shared/strategies/instrument_position.ts';
import { isInstrument, parseSubject } from '../shared/pair.ts';
import type { FileSystem } from '../shared/ports.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { InputRow, JournalStore } from '../shared/store/journal.ts';
import { protocolConsumer, type ConsumerMaker } from './consumers.ts';

/** Bugs planted on purpose, to check that the simulation detects them: name and description. */
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
  early_close: 'bars of longer timeframes close one minute early',
  kept_bar: 'a longer bar whose last minute is missing is not cleared: the next one continues it',
  series_by_event: 'values of series are joined by the time of their event, not of their arrival',
  ignored_revisions: 'the first value of an event of a series counts, and no later one',
  forgotten_series: 'a restart does not restore the values of series',
  forgotten_positions: 'a restart does not restore the positions of instruments',
  forgotten_taker: 'a restart does not restore the taker volume of bars',
  pooled_group: 'the pairs of a group are scored by the pooled models',
  early_others: 'formulas read the bar of another symbol that closes with that of the pair',
  unjournaled_rules: 'rules take effect, and are not journaled',
  cached_lease: 'a lease server that does not answer is taken for one that renewed the lease',
} as const;
export type PlantedBug = keyof typeof PLANTED;

/**
 * Bugs that worlds of one kind alone can show: those with longer timeframes, instruments and series, those with groups,
 * those whose models read other symbols, and those with a lease.
 */
export const NEEDS: Partial<Record<PlantedBug, 'variety' | 'groups' | 'others' | 'lease'>> = {
  early_close: 'variety',
  kept_bar: 'variety',
  series_by_event: 'variety',
  ignored_revisions: 'variety',
  forgotten_series: 'variety',
  forgotten_positions: 'variety',
  forgotten_taker: 'variety',
  unjournaled_rules: 'variety',
  pooled_group: 'groups',
  early_others: 'others',
  cached_lease: 'lease',
};

/** A file system whose `sync` does nothing. */
export function withoutSync(files: FileSystem): FileSystem {
  return { ...files, sync: () => undefined };
}

/** A file system in which `halts.json` never changes. */
export function withOldHalts(files: FileSystem, path: string): FileSystem {
  let first: ReturnType<FileSystem['stat']> | undefined;
  return {
    ...files,
    stat: (asked) => (asked === path ? (first === undefined ? (first = files.stat(asked)) : first) : files.stat(asked)),
  };
}

/** A store without inputs of a kind. */
export function withoutInputs(store: JournalStore, left: InputRow['kind']): JournalStore {
  return {
    ...store,
    append: (inputs, signals, shadows, feedPosition) =>
      store.append(
        inputs.filter(({ kind }) => kind !== left),
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

/** A store that starts the recovery one minute too late. */
export function withShortRecovery(store: JournalStore): JournalStore {
  return {
    ...store,
    commonMinuteBefore: (pair, count, until) => store.commonMinuteBefore(pair, Math.max(1, count - 1), until),
    // Otherwise the bars that the screen looks back over would compensate.
    barBefore: (symbol, _count, until) => store.barBefore(symbol, 1, until),
  };
}

/** A store without series values. */
export function withoutSeries(store: JournalStore): JournalStore {
  return {
    ...store,
    inputsFrom: (from) => [...store.inputsFrom(from)].filter(({ kind }) => kind !== 'series').values(),
    seriesBetween: () => [].values(),
  };
}

/** A store in which every instrument is flat. */
export function withFlatInstruments(store: JournalStore): JournalStore {
  const position = JSON.stringify(FLAT_POSITION);
  return {
    ...store,
    lastSignals: () =>
      store.lastSignals().map((row) => (isInstrument(parseSubject(row.pairId)) ? { ...row, position } : row)),
  };
}

/** A store whose bars have lost their taker volume. */
export function withoutTaker(store: JournalStore): JournalStore {
  return {
    ...store,
    inputsFrom: (from) =>
      [...store.inputsFrom(from)]
        .map((row) => {
          if (row.bar?.takerBuyVolume === undefined) return row;
          const { takerBuyVolume: _lost, ...bar } = row.bar;
          return { ...row, bar };
        })
        .values(),
  };
}

/** Models whose pooled set scores every pair. */
export function withPooledScores(set: ModelSet): ModelSet {
  const { groups } = set;
  if (groups === undefined) return set;
  return { ...set, infer: (features, rows, only) => groups.pooled.infer(features, rows, only) };
}

/** A lease store that answers for a server that does not. */
export function withCachedLease(store: LeaseStore): LeaseStore {
  let last: LeaseRecord | null = null;
  return {
    ...store,
    exchange: (request) =>
      new Promise((resolve, reject) => {
        store.exchange(request).then((record) => resolve((last = record)), reject);
        if (last !== null && request.kind === 'renew') resolve({ ...last, beat: last.beat + 1 });
      }),
  };
}

/** Settings of a feed whose bars come every 50 s. */
export function withFasterFeed(settings: Settings): Settings {
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, feed: { ...minutehand.feed, interval_ms: 50_000 } } };
}

/** Consumers that never consider a signal expired: their clock is always its creation time. */
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

/** Consumers that treat every ENTER as new. */
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

/** Model sets that all answer as the set whose loading began last. */
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
      get schema() {
        return (newest ?? set).schema;
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
