import { join } from 'node:path';
import type { Logger } from 'pino';
import { directionFolder, directionPlace } from '../../shared/bundle/direction/active_direction.ts';
import { DIRECTION_FILE, DIRECTION_REPORT } from '../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { refuseForeign } from '../../shared/bundle/origin.ts';
import { readPointerFile } from '../../shared/bundle/pointer.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { describeError } from '../../shared/errors.ts';
import { timeframeOf, type Timeframe } from '../../shared/pair.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { DegradationInput, DirectionInput } from '../queue/input.ts';
import { fingerprint, isUnread } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';
import { provedVersions } from './proved_versions.ts';

export interface FollowedDirectionsOptions {
  readonly modelsFolder: string;
  readonly timeframes: readonly Timeframe[];
  readonly market: MarketKind;
  /** High-water marks of each pointer; null = any is accepted. */
  marksOf(timeframe: Timeframe): FollowedMarks | null;
  /** Names of the auxiliary series that this daemon has received. */
  sources(): readonly string[];
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads, verifies and loads a bundle for a timeframe. @throws MinutehandError */
  load(folder: string, timeframe: Timeframe): Promise<DirectionModel>;
  apply(input: DirectionInput | DegradationInput): void;
  onRefused(code: string): void;
  onFailed(code: string): void;
  readonly log: Logger;
  print(line: string): void;
}

type FollowedMarks = Pick<PointerMarks, 'accepted' | 'check' | 'raiseQuietly'>;

interface Slot {
  readonly timeframe: Timeframe;
  readonly marks: FollowedMarks | null;
  /** Fingerprint of the last delivered bundle. */
  current: string;
  /** Fingerprint of the last refused bytes, and of the last reported ones: what could not be read is tried again. */
  refusedMark: string;
  reportedMark: string;
  refused: ModelRefusal | null;
  /** The active model was accepted before; the pointer, or its bundle, is refused since the start. */
  isProved: boolean;
  /** Sources of the active model's training. */
  learned: readonly string[];
}

const NOT_REFUSED = { refusedMark: '', reportedMark: '', refused: null };

/** Follows the pointers `models/direction/<timeframe>.json`; refused bytes are not tried again. */
export class FollowedDirections {
  readonly #options: FollowedDirectionsOptions;
  readonly #slots: readonly Slot[];
  readonly #stopTimer: () => void;
  #checking: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: FollowedDirectionsOptions) {
    this.#options = options;
    this.#slots = options.timeframes.map((timeframe) => ({
      timeframe,
      marks: options.marksOf(timeframe),
      current: '',
      ...NOT_REFUSED,
      isProved: false,
      learned: [],
    }));
    this.#stopTimer = options.scheduler.every(options.pollMs, () => void this.check());
  }

  /** Why a bundle that a pointer names is not active. */
  get refused(): ModelRefusal | null {
    return this.#slots.find(({ refused }) => refused !== null)?.refused ?? null;
  }

  /** Sources of the active models' training that this daemon does not receive. */
  get missingSources(): string[] {
    const received = this.#options.sources();
    return [...new Set(this.#slots.flatMap(({ learned }) => learned))].filter((name) => !received.includes(name));
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    this.#checking ??= this.#lookAtAll().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopTimer();
    await this.#checking;
  }

  onSwap({ manifest, check }: DirectionModel, timeframe: Timeframe): void {
    const { log, print } = this.#options;
    const { version } = manifest;
    log.info({ version, timeframe, cross_check: check }, 'direction model active');
    print(`Direction model ${version} is active for ${timeframe}.`);
    for (const slot of this.#slots) if (slot.timeframe === timeframe) slot.learned = manifest.sources ?? [];
    const missing = this.missingSources;
    if (missing.length === 0) return;
    log.warn({ version, missing }, 'direction model learned from sources that are missing here');
    print(
      `It was trained on ${missing.join(', ')}, which this daemon has not received yet: their features are missing.`,
    );
  }

  onFailure(error: unknown, failed: DirectionModel, fallback: DirectionModel | null): void {
    const { log, print, onFailed } = this.#options;
    const report = describeError(error);
    const { version } = failed.manifest;
    onFailed(report.code);
    log.error({ version, fallback: fallback?.manifest.version ?? null, ...report }, 'direction model failed');
    print(`${report.code}: ${report.message} ${fallbackText(failed, fallback)}`);
  }

  onRecovery({ manifest: { version } }: DirectionModel): void {
    const { log, print } = this.#options;
    log.info({ version }, 'direction model fast again');
    print(`Direction model ${version} is fast again.`);
  }

  async #lookAtAll(): Promise<void> {
    for (const slot of this.#slots) if (!this.#isStopped) await this.#look(slot);
  }

  async #look(slot: Slot): Promise<void> {
    const { modelsFolder, files } = this.#options;
    const { timeframe } = slot;
    const place = directionPlace(modelsFolder, timeframe);
    let version = `(direction/${timeframe}.json)`;
    let mark = fingerprint(files, [place.path]);
    let named: string | null = null;
    try {
      const pointer = readPointerFile(place, files);
      // Without a pointer, the active model stays.
      if (pointer === null) return;
      slot.marks?.check(pointer);
      await slot.marks?.raiseQuietly(pointer);
      named = version = pointer.version;
      mark = this.#markOf(version);
      if (mark === slot.current) this.#accept(slot);
      if (mark === slot.current || mark === slot.refusedMark) return;
      await this.#load(slot, version, mark);
    } catch (error) {
      const isNews = `${mark} ${describeError(error).code}` !== slot.reportedMark;
      if (slot.current === '' && isNews) await this.#loadProved(slot, named);
      this.#refuse(slot, mark, version, error);
    }
  }

  /** Fingerprint of a bundle; of its signature where there is one. */
  #markOf(version: string): string {
    const { modelsFolder, files } = this.#options;
    const pathOf = (name: string): string => join(directionFolder(modelsFolder), version, name);
    const signature = pathOf(SIGNATURE_FILE);
    return fingerprint(files, [
      ...['manifest.json', DIRECTION_FILE, DIRECTION_REPORT].map(pathOf),
      ...(files.stat(signature) === null ? [] : [signature]),
    ]);
  }

  async #load(slot: Slot, version: string, mark: string, isProved = false): Promise<void> {
    const { modelsFolder, load, apply, market, print } = this.#options;
    const { timeframe } = slot;
    const set = await load(join(directionFolder(modelsFolder), version), timeframe);
    const origin = { version, market: set.manifest.market, timeframes: [timeframeOf(set.manifest.timeframe)] };
    refuseForeign(origin, { market, timeframes: [timeframe] });
    if (this.#isStopped) return;
    slot.current = mark;
    if (!isProved) this.#accept(slot);
    else {
      slot.isProved = true;
      // Before the model, so that no signal of it has mode OK.
      apply({ kind: 'degraded', what: 'direction_pointer' });
      print(
        `direction/${timeframe}.json or its bundle is refused: ${version}, accepted before, serves. Mode DEGRADED.`,
      );
    }
    apply({ kind: 'direction', timeframe, set });
  }

  /** The first model that loads. @param failed as for provedVersions */
  async #loadProved(slot: Slot, failed: string | null): Promise<void> {
    for (const version of provedVersions(() => slot.marks?.accepted() ?? [], failed)) {
      const mark = this.#markOf(version);
      try {
        return await this.#load(slot, version, mark, true);
      } catch (error) {
        this.#report(slot, mark, { version, ...describeError(error) });
      }
    }
  }

  /** The pointer names the active model. */
  #accept(slot: Slot): void {
    Object.assign(slot, NOT_REFUSED);
    if (!slot.isProved) return;
    slot.isProved = false;
    if (this.#slots.some(({ isProved }) => isProved)) return;
    this.#options.apply({ kind: 'recovered', what: 'direction_pointer' });
  }

  #refuse(slot: Slot, mark: string, version: string, error: unknown): void {
    if (!isUnread(error, mark)) slot.refusedMark = mark;
    slot.refused = { version, ...describeError(error) };
    this.#report(slot, mark, slot.refused);
  }

  #report(slot: Slot, mark: string, refusal: ModelRefusal): void {
    const { log, print, onRefused } = this.#options;
    const report = `${mark} ${refusal.code}`;
    if (report === slot.reportedMark) return;
    slot.reportedMark = report;
    onRefused(refusal.code);
    log.error({ slot: `direction ${slot.timeframe}`, ...refusal }, 'models refused');
    print(`Direction model ${refusal.version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
  }
}

function fallbackText({ manifest: { version } }: DirectionModel, fallback: DirectionModel | null): string {
  if (fallback === null) return `Direction model ${version} was dropped. Mode HALT: no entries.`;
  const { version: next } = fallback.manifest;
  if (next === version) return `Direction model ${version} continues to answer in mode DEGRADED: there is no other.`;
  return `Direction model ${version} was dropped; ${next} serves again, in mode DEGRADED.`;
}
