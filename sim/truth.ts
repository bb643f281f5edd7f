import type { Pipeline } from '../daemon/pipeline.ts';
import type { StandingHalt } from '../shared/bundle/halts.ts';
import { parsePair } from '../shared/pair.ts';
import type { FeedPolicy } from '../shared/policy/policy.ts';
import type { HaltLedger } from './halt_ledger.ts';
import type { Published } from './oracle.ts';
import type { Timeline } from './timeline.ts';

export interface TruthOptions {
  readonly timeline: Timeline;
  readonly feed: FeedPolicy;
  readonly signalsFolder: string;
  /** The pipeline of the daemon that takes bars now; null while there is none. */
  pipeline(): Pipeline | null;
  /** Whether the journal has a signal of the pair: a power cut may have taken them all. */
  knowsMinuteOf(pairId: string): boolean;
  /** What `halts.json` says; null when it is damaged. */
  standing(): readonly StandingHalt[] | null;
  readonly halts: HaltLedger;
  onViolation(rule: string, what: string): void;
}

/** Knows what is wrong in the world, and holds what signals and health say of it against that. */
export interface Truth {
  /** Looks from now on whether pairs whose bars stay away say so. */
  watchSilence(): void;
  /** A signal has left the daemon for the first time. */
  hear(published: Published): void;
  fileFailed(path: string): void;
  fileReplaced(path: string): void;
  /** `halts.json` has become another one, or could not be read: for a moment nobody has to know it. */
  haltsChanged(): void;
  journalRefused(): void;
  journalStored(): void;
  journalLost(): void;
  processStarted(): void;
  daemonReady(): void;
  readonly isJournalBroken: boolean;
  /** When the journal last refused a commit, or lost some. */
  readonly journalHurtMs: number;
}

/** How long something may be wrong before a signal has to say so: minutes that wait are still answered as they came. */
const DELAY_MS = 30_000;
const SILENCE_CHECK_MS = 20_000;
/** Twice this long after a change of the halts every signal knows them. Twice, for a machine that slept needs a moment to look. */
const HALTS_MS = 5_000;

export function createTruth(options: TruthOptions): Truth {
  const { timeline, feed } = options;
  const degradedMs = feed.silence_degraded_intervals * feed.interval_ms;
  const haltMs = feed.silence_halt_intervals * feed.interval_ms;
  /** Signal files whose last write failed, and since when there are any. */
  const brokenFiles = new Set<string>();
  let filesBrokenMs: number | null = null;
  let journalBrokenMs: number | null = null;
  let journalHurtMs = -Infinity;
  let haltsChanges = 0;
  let readyMs = 0;
  let wokeMs = 0;
  let checkedMs = 0;
  const lastPublishedMs = new Map<string, number>();
  const lastMinuteMs = new Map<string, number>();

  const isOld = (sinceMs: number | null): boolean => sinceMs !== null && timeline.nowMs - sinceMs > DELAY_MS;
  const inSeconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

  function checkMode({ signal }: Published): void {
    const { mode, reason } = signal;
    // The final heartbeat of a daemon says nothing of its models and bars.
    if (reason === 'SHUTDOWN' && mode === 'HALT') return;
    const lies = (what: string): void =>
      options.onViolation('mode does not tell the truth', `${signal.pair_id} seq ${signal.seq}: ${what}`);
    if (mode === 'OK' && isOld(filesBrokenMs)) lies('OK while the signal files cannot be written');
    if (mode === 'OK' && isOld(journalBrokenMs)) lies('OK while the journal cannot be written');
    const pipeline = options.pipeline();
    if (pipeline === null) return;
    const { models, degradations } = pipeline.status;
    if (mode === 'OK' && models === null) lies('OK without models');
    if (mode === 'OK' && degradations.size > 0) lies(`OK with degradations ${[...degradations].join()}`);
    if (mode === 'OK' && models !== null && models.version !== signal.model_version)
      lies(`models ${signal.model_version}, active ${models.version}`);
    if (mode === 'DEGRADED' && reason !== 'SILENCE' && degradations.size === 0) lies('DEGRADED without degradations');
    const isHalted = pipeline.status.haltedPairs.includes(signal.pair_id);
    if (isHalted && mode !== 'HALT' && mode !== 'WARMUP') lies(`${mode} while health has the pair as halted`);
    if (mode === 'HALT' && reason !== 'SILENCE' && models !== null && !isHalted) lies('HALT with active models');
    if (mode !== 'HALT' && mode !== 'WARMUP' && models === null) lies(`${mode} without models`);
    if (reason === 'SILENCE') checkHeartbeat({ signal }, pipeline, lies);
  }

  /** Halts count for the models that a signal names, whatever the daemon believes. */
  function checkHalts({ signal }: Published): void {
    const { pair_id, model_version, mode, action, reason } = signal;
    if (!options.halts.isSettled || model_version === '') return;
    const where = `${pair_id} seq ${signal.seq}: ${action} ${reason} in mode ${mode}`;
    const isObeyed = action !== 'ENTER' && (mode === 'HALT' || mode === 'WARMUP');
    if (!isObeyed && options.halts.mustHalt(pair_id, model_version))
      options.onViolation('halt that is not obeyed', where);
    if (reason === 'KPI_HALT' && !options.halts.mayHalt(pair_id, model_version))
      options.onViolation('halt that nobody ordered', where);
  }

  function checkHeartbeat(
    { signal }: Pick<Published, 'signal'>,
    pipeline: Pipeline,
    lies: (what: string) => void,
  ): void {
    const { mode, pair_id, timestamp } = signal;
    // A heartbeat may be overtaken by the bar that ends the silence.
    const { a, b } = parsePair(pair_id);
    const newestMs = Math.max(...[a, b].map((symbol) => pipeline.status.lastTimes.get(symbol) ?? 0)) * 1000;
    if (newestMs < Date.parse(timestamp) && !pipeline.status.silentPairs.includes(pair_id))
      lies('SILENCE, and health says nothing of it');
    const silentMs = timeline.nowMs - Math.max(readyMs, lastMinuteMs.get(pair_id) ?? 0);
    if (silentMs < degradedMs - DELAY_MS) lies(`SILENCE ${inSeconds(silentMs)} after a minute`);
    if (silentMs > haltMs + DELAY_MS && mode !== 'HALT') lies(`${mode} after ${inSeconds(silentMs)} without a bar`);
  }

  /** A pair that had a minute is never silent for longer than written. */
  function checkSilence(): void {
    // Whoever slept has to be awake for some time before anything can be expected of it.
    if (timeline.nowMs - checkedMs > 2 * SILENCE_CHECK_MS) wokeMs = timeline.nowMs;
    checkedMs = timeline.nowMs;
    timeline.at(timeline.nowMs + SILENCE_CHECK_MS, checkSilence);
    if (options.pipeline() === null) return;
    for (const [pairId, sinceMs] of lastPublishedMs) {
      const silentMs = timeline.nowMs - Math.max(readyMs, wokeMs, sinceMs);
      if (silentMs > degradedMs + DELAY_MS && options.knowsMinuteOf(pairId))
        options.onViolation('silence that nobody tells', `${pairId} has said nothing for ${inSeconds(silentMs)}`);
    }
  }

  /** The file that a path below the signals folder is written for. */
  function signalFileOf(path: string): string {
    const pair = /^\/([A-Z][^/]*)/.exec(path.slice(options.signalsFolder.length))?.[1];
    return `${options.signalsFolder}/${pair === undefined ? 'signals.json' : `${pair}/signal.json`}`;
  }

  return {
    watchSilence: () => void timeline.at(SILENCE_CHECK_MS, checkSilence),
    hear(published) {
      const { pair_id, reason } = published.signal;
      lastPublishedMs.set(pair_id, timeline.nowMs);
      checkMode(published);
      checkHalts(published);
      if (reason !== 'SILENCE' && reason !== 'SHUTDOWN') lastMinuteMs.set(pair_id, timeline.nowMs);
    },
    fileFailed(path) {
      brokenFiles.add(signalFileOf(path));
      filesBrokenMs ??= timeline.nowMs;
    },
    fileReplaced(path) {
      brokenFiles.delete(path);
      if (brokenFiles.size === 0) filesBrokenMs = null;
    },
    haltsChanged() {
      options.halts.unsettle();
      const change = ++haltsChanges;
      const settle = (work: () => void): void =>
        void timeline.at(timeline.nowMs + HALTS_MS, () => {
          if (haltsChanges === change) work();
        });
      settle(() => settle(() => options.halts.settle(options.standing())));
    },
    journalRefused() {
      journalBrokenMs ??= timeline.nowMs;
      journalHurtMs = timeline.nowMs;
    },
    journalStored() {
      journalBrokenMs = null;
    },
    journalLost() {
      journalHurtMs = timeline.nowMs;
    },
    processStarted() {
      brokenFiles.clear();
      [filesBrokenMs, journalBrokenMs] = [null, null];
    },
    daemonReady() {
      readyMs = timeline.nowMs;
    },
    get isJournalBroken() {
      return journalBrokenMs !== null;
    },
    get journalHurtMs() {
      return journalHurtMs;
    },
  };
}
