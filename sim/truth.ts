import type { Pipeline } from '../daemon/pipeline.ts';
import type { StandingHalt } from '../shared/bundle/halts.ts';
import { barMinutesOf, barSecondsOf, isInstrument, parseSubject, timeframeOf } from '../shared/pair.ts';
import type { FeedPolicy } from '../shared/policy/policy.ts';
import type { HaltLedger } from './halt_ledger.ts';
import { isHeartbeat, type Published, type Seen } from './oracle.ts';
import type { Timeline } from './timeline.ts';

export interface TruthOptions {
  readonly timeline: Timeline;
  readonly feed: FeedPolicy;
  readonly signalsFolder: string;
  /** Pipeline of the daemon that accepts bars now; null while there is none. */
  pipeline(): Pipeline | null;
  /** Whether the daemon may publish; undefined: there is no lease. */
  isHolder(): boolean | undefined;
  /** Whether the journal has a signal of the pair; a power cut may have lost them all. */
  knowsMinuteOf(pairId: string): boolean;
  hasTrainedDirection(version: string): boolean;
  hasTrainedRule(version: string): boolean;
  /** Halts of `halts.json`; null when it is damaged. */
  standing(): readonly StandingHalt[] | null;
  readonly halts: HaltLedger;
  onViolation(rule: string, what: string): void;
}

/** Time within which a signal must report a fault: minutes that wait are answered with their original state. */
const DELAY_MS = 30_000;
const SILENCE_CHECK_MS = 20_000;
/**
 * Every signal follows a change of halts after twice this time: twice because a machine that was suspended reads them
 * slightly later.
 */
const HALTS_MS = 5_000;

const inSeconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** The world's actual faults, and checks of signals and health against them. */
export class Truth {
  readonly disks: DiskTruth;
  readonly silence: SilenceTruth;
  readonly #options: TruthOptions;
  #haltsChanges = 0;

  constructor(options: TruthOptions) {
    this.#options = options;
    this.disks = new DiskTruth(options.timeline, options.signalsFolder);
    this.silence = new SilenceTruth(options);
  }

  /** Called when a signal leaves the daemon for the first time. */
  receive(published: Published): void {
    const { signal } = published;
    this.silence.published(signal);
    // What a new holder of the lease publishes was answered before.
    if (!published.isTakeover) {
      this.#checkMode(signal);
      this.#checkHalts(signal);
    }
    if (!isHeartbeat(signal)) this.silence.answered(signal);
  }

  #checkMode(signal: Seen): void {
    const { mode, reason } = signal;
    // The final heartbeat of a daemon does not describe its models and bars.
    if (reason === 'SHUTDOWN' && mode === 'HALT') return;
    const wrong = (what: string): void =>
      this.#options.onViolation('mode is wrong', `${signal.pair_id} seq ${signal.seq}: ${what}`);
    if (mode === 'OK' && this.disks.filesAreBroken) wrong('OK while the signal files cannot be written');
    if (mode === 'OK' && this.disks.journalIsBroken) wrong('OK while the journal cannot be written');
    const pipeline = this.#options.pipeline();
    if (pipeline === null) return;
    if (pipeline.status.rules[signal.pair_id] !== undefined) this.#checkRule(signal, pipeline, wrong);
    else if (!isInstrument(parseSubject(signal.pair_id))) checkModels(signal, pipeline, wrong);
    else this.#checkDirection(signal, pipeline, wrong);
    if (reason === 'SILENCE') this.silence.checkHeartbeat(signal, pipeline, wrong);
  }

  /** Checks the mode of an instrument's signal against the direction model and degradations of the health report. */
  #checkDirection({ mode, reason, pair_id, model_version }: Seen, { status }: Pipeline, wrong: (what: string) => void) {
    const active = status.directions[timeframeOf(barSecondsOf(parseSubject(pair_id)))] ?? '';
    if (model_version !== '' && !this.#options.hasTrainedDirection(model_version)) wrong(`models ${model_version}`);
    const isDegraded = status.isDegraded(parseSubject(pair_id));
    if (mode === 'OK' && isDegraded) wrong(`OK with degradations ${[...status.degradations].join()}`);
    if (mode !== 'WARMUP' && model_version !== active) wrong(`models "${model_version}", active "${active}"`);
    if (mode === 'OK' && active === '') wrong('OK without a direction model');
    if (mode === 'HALT' && reason !== 'SILENCE' && active !== '') wrong('HALT with an active direction model');
    if (mode === 'DEGRADED' && reason !== 'SILENCE' && !isDegraded) wrong('DEGRADED without degradations');
  }

  /** The same where a rule is served; in a rollout, its challenger may answer. */
  #checkRule({ mode, reason, pair_id, model_version }: Seen, { status }: Pipeline, wrong: (what: string) => void) {
    const { rollout } = status;
    const challengers = rollout?.instrument === pair_id ? [rollout.challenger] : [];
    const active = [status.rules[pair_id]!, ...challengers].map((version) => `rule/${version}`);
    const isWritten = this.#options.hasTrainedRule(model_version.slice('rule/'.length));
    if (!isWritten || !active.includes(model_version)) wrong(`rule "${model_version}", active "${active.join()}"`);
    const isDegraded = status.isDegraded(parseSubject(pair_id));
    if (mode === 'OK' && isDegraded) wrong(`OK with degradations ${[...status.degradations].join()}`);
    if (mode === 'HALT' && reason !== 'SILENCE') wrong('HALT with an active rule');
    if (mode === 'DEGRADED' && reason !== 'SILENCE' && !isDegraded) wrong('DEGRADED without degradations');
  }

  /** Halts apply to the models that a signal names, even if the daemon has swapped since. */
  #checkHalts({ pair_id, seq, model_version, mode, action, reason }: Seen): void {
    const { halts, onViolation } = this.#options;
    if (!halts.isSettled || model_version === '' || isInstrument(parseSubject(pair_id))) return;
    const where = `${pair_id} seq ${seq}: ${action} ${reason} in mode ${mode}`;
    const isHalted = action !== 'ENTER' && (mode === 'HALT' || mode === 'WARMUP');
    if (!isHalted && halts.mustHalt(pair_id, model_version)) onViolation('halt that is not applied', where);
    if (reason === 'KPI_HALT' && !halts.mayHalt(pair_id, model_version))
      onViolation('halt that was not ordered', where);
  }

  /** `halts.json` has changed or could not be read: the daemon may still have the previous halts. */
  haltsChanged(): void {
    const { timeline, halts, standing } = this.#options;
    halts.unsettle();
    const change = ++this.#haltsChanges;
    const settle = (work: () => void): void =>
      void timeline.at(timeline.nowMs + HALTS_MS, () => {
        if (this.#haltsChanges === change) work();
      });
    settle(() => settle(() => halts.settle(standing())));
  }
}

/** Checks the mode of a signal against the models and degradations of the health report. */
function checkModels(signal: Seen, { status }: Pipeline, wrong: (what: string) => void): void {
  const { mode, reason } = signal;
  const { models, degradations } = status;
  const isDegraded = status.isDegraded(parseSubject(signal.pair_id));
  if (mode === 'OK' && models === null) wrong('OK without models');
  if (mode === 'OK' && isDegraded) wrong(`OK with degradations ${[...degradations].join()}`);
  if (mode === 'OK' && models !== null && models.version !== signal.model_version)
    wrong(`models ${signal.model_version}, active ${models.version}`);
  if (mode === 'DEGRADED' && reason !== 'SILENCE' && !isDegraded) wrong('DEGRADED without degradations');
  const isHalted = status.haltedPairs.includes(signal.pair_id);
  if (isHalted && mode !== 'HALT' && mode !== 'WARMUP') wrong(`${mode} while health has the pair as halted`);
  if (mode === 'HALT' && reason !== 'SILENCE' && models !== null && !isHalted) wrong('HALT with active models');
  if (mode !== 'HALT' && mode !== 'WARMUP' && models === null) wrong(`${mode} without models`);
}

/** Since when signal files and the journal cannot be written. */
class DiskTruth {
  readonly #timeline: Timeline;
  readonly #signalsFolder: string;
  /** Signal files whose last write failed, and since when. */
  readonly #brokenFiles = new Set<string>();
  #filesBrokenMs: number | null = null;
  #journalBrokenMs: number | null = null;
  /** Rows may have waited for longer than a write may take. */
  isJournalBehind = false;
  /** Time at which the journal last refused or lost a commit. */
  journalHurtMs = -Infinity;

  constructor(timeline: Timeline, signalsFolder: string) {
    this.#timeline = timeline;
    this.#signalsFolder = signalsFolder;
  }

  #isOld(sinceMs: number | null): boolean {
    return sinceMs !== null && this.#timeline.nowMs - sinceMs > DELAY_MS;
  }

  /** Long enough that a signal must be DEGRADED. */
  get filesAreBroken(): boolean {
    return this.#isOld(this.#filesBrokenMs);
  }

  /** Long enough that a signal must be DEGRADED. */
  get journalIsBroken(): boolean {
    return this.#isOld(this.#journalBrokenMs);
  }

  /** The journal's last write failed. */
  get isJournalRefusing(): boolean {
    return this.#journalBrokenMs !== null;
  }

  /** The signal file to which a path below the signals folder belongs. */
  #signalFileOf(path: string): string {
    const pair = /^\/([A-Z][^/]*)/.exec(path.slice(this.#signalsFolder.length))?.[1];
    return `${this.#signalsFolder}/${pair === undefined ? 'signals.json' : `${pair}/signal.json`}`;
  }

  fileFailed(path: string): void {
    this.#brokenFiles.add(this.#signalFileOf(path));
    this.#filesBrokenMs ??= this.#timeline.nowMs;
  }

  fileReplaced(path: string): void {
    this.#brokenFiles.delete(path);
    if (this.#brokenFiles.size === 0) this.#filesBrokenMs = null;
  }

  journalRefused(): void {
    this.isJournalBehind = true;
    this.#journalBrokenMs ??= this.#timeline.nowMs;
    this.journalHurtMs = this.#timeline.nowMs;
  }

  /** @param isInTime the write took all that waited, and no longer than it may */
  journalStored(isInTime: boolean): void {
    this.#journalBrokenMs = null;
    if (isInTime) this.isJournalBehind = false;
  }

  journalLost(): void {
    this.journalHurtMs = this.#timeline.nowMs;
  }

  processStarted(): void {
    this.#brokenFiles.clear();
    this.#filesBrokenMs = null;
    this.#journalBrokenMs = null;
    this.isJournalBehind = false;
  }
}

/** Time that each pair has been without a signal, and without a minute. */
class SilenceTruth {
  readonly #options: TruthOptions;
  readonly #degradedMs: number;
  readonly #haltMs: number;
  #readyMs = 0;
  #wokeMs = 0;
  #checkedMs = 0;
  readonly #lastPublishedMs = new Map<string, number>();
  readonly #lastMinuteMs = new Map<string, number>();
  /** When the feeder received a reply to a live minute of a symbol, or the journal stored it. */
  readonly #lastBarMs = new Map<string, number>();

  constructor(options: TruthOptions) {
    const { silence_degraded_intervals, silence_halt_intervals, interval_ms } = options.feed;
    this.#options = options;
    this.#degradedMs = silence_degraded_intervals * interval_ms;
    this.#haltMs = silence_halt_intervals * interval_ms;
  }

  daemonReady(): void {
    this.#readyMs = this.#options.timeline.nowMs;
  }

  published({ pair_id }: Seen): void {
    this.#lastPublishedMs.set(pair_id, this.#options.timeline.nowMs);
  }

  answered({ pair_id }: Seen): void {
    this.#lastMinuteMs.set(pair_id, this.#options.timeline.nowMs);
  }

  /** The daemon accepted a minute of a symbol. */
  received(symbol: string): void {
    this.#lastBarMs.set(symbol, this.#options.timeline.nowMs);
  }

  /** Answers to one-minute bars are published at once, unless they are withheld. */
  #isExact(pairId: string): boolean {
    return barMinutesOf(pairId) === 1 && this.#options.isHolder() === undefined;
  }

  /** When a subject last had a minute; where it is not exact, a moment after its symbols had one. */
  #lastArrivalMs(pairId: string): number {
    const answeredMs = this.#lastMinuteMs.get(pairId) ?? 0;
    if (this.#isExact(pairId)) return answeredMs;
    const { a, b } = parseSubject(pairId);
    return Math.max(answeredMs, ...[a, b].map((symbol) => this.#lastBarMs.get(symbol) ?? 0));
  }

  checkHeartbeat({ mode, pair_id, timestamp }: Seen, { status }: Pipeline, wrong: (what: string) => void): void {
    // The bar that ends the silence may overtake a heartbeat.
    const { a, b } = parseSubject(pair_id);
    const newestMs = Math.max(...[a, b].map((symbol) => status.lastTimes.get(symbol) ?? 0)) * 1000;
    if (newestMs < Date.parse(timestamp) && !status.silentPairs.includes(pair_id))
      wrong('SILENCE, and health does not report it');
    const silentMs = this.#options.timeline.nowMs - Math.max(this.#readyMs, this.#lastArrivalMs(pair_id));
    if (this.#isExact(pair_id) && silentMs < this.#degradedMs - DELAY_MS)
      wrong(`SILENCE ${inSeconds(silentMs)} after a minute`);
    if (silentMs > this.#haltMs + DELAY_MS && mode !== 'HALT')
      wrong(`${mode} after ${inSeconds(silentMs)} without a bar`);
  }

  /** Checks from now on that pairs without bars are reported as silent. */
  watch(): void {
    this.#options.timeline.at(SILENCE_CHECK_MS, () => this.#check());
  }

  /** A pair that had a minute is never without a signal for longer than documented. */
  #check(): void {
    const { timeline, pipeline, isHolder, knowsMinuteOf, onViolation } = this.#options;
    // A process that slept has to be awake for some time before anything can be expected of it.
    const hasSlept = timeline.nowMs - this.#checkedMs > 2 * SILENCE_CHECK_MS;
    if (hasSlept || isHolder() === false) this.#wokeMs = timeline.nowMs;
    this.#checkedMs = timeline.nowMs;
    timeline.at(timeline.nowMs + SILENCE_CHECK_MS, () => this.#check());
    if (pipeline() === null) return;
    for (const [pairId, sinceMs] of this.#lastPublishedMs) {
      const silentMs = timeline.nowMs - Math.max(this.#readyMs, this.#wokeMs, sinceMs, this.#lastArrivalMs(pairId));
      if (silentMs > this.#degradedMs + DELAY_MS && knowsMinuteOf(pairId))
        onViolation('unreported silence', `${pairId} has no signal for ${inSeconds(silentMs)}`);
    }
  }
}
