import { join } from 'node:path';
import type { Logger } from 'pino';
import { directionFolder, directionPlace } from '../../shared/bundle/direction/active_direction.ts';
import { DIRECTION_FILE } from '../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { refuseSimulated } from '../../shared/bundle/manifest_file.ts';
import { readPointerFile } from '../../shared/bundle/pointer.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { describeError } from '../../shared/errors.ts';
import type { Timeframe } from '../../shared/pair.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { DirectionInput } from '../input.ts';
import { fingerprint, isUnread } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';

export interface FollowedDirectionsOptions {
  readonly modelsFolder: string;
  readonly timeframes: readonly Timeframe[];
  readonly market: MarketKind;
  /** High-water marks of each pointer; null = any is accepted. */
  marksOf(timeframe: Timeframe): Pick<PointerMarks, 'check' | 'raiseQuietly'> | null;
  /** Names of the auxiliary series that this daemon has received. */
  sources(): readonly string[];
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads, verifies and loads a bundle for a timeframe. @throws MinutehandError */
  load(folder: string, timeframe: Timeframe): Promise<DirectionModel>;
  apply(input: DirectionInput): void;
  onRefused(code: string): void;
  onFailed(code: string): void;
  readonly log: Logger;
  print(line: string): void;
}

interface Slot {
  readonly timeframe: Timeframe;
  readonly marks: Pick<PointerMarks, 'check' | 'raiseQuietly'> | null;
  /** Fingerprint of the last delivered bundle. */
  current: string;
  /** Fingerprint of the last refused bytes, and of the last reported ones: what could not be read is tried again. */
  refusedMark: string;
  reportedMark: string;
  refused: ModelRefusal | null;
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

  onFailure(error: unknown, { manifest: { version } }: DirectionModel): void {
    const { log, print, onFailed } = this.#options;
    const report = describeError(error);
    onFailed(report.code);
    log.error({ version, ...report }, 'direction model failed');
    print(`${report.code}: ${report.message} Direction model ${version} was dropped. Mode HALT: no entries.`);
  }

  async #lookAtAll(): Promise<void> {
    for (const slot of this.#slots) if (!this.#isStopped) await this.#look(slot);
  }

  async #look(slot: Slot): Promise<void> {
    const { modelsFolder, files, load, apply, market } = this.#options;
    const { timeframe } = slot;
    const place = directionPlace(modelsFolder, timeframe);
    let version = `(direction/${timeframe}.json)`;
    let mark = fingerprint(files, [place.path]);
    try {
      const pointer = readPointerFile(place, files);
      // Without a pointer, the active model stays.
      if (pointer === null) return;
      slot.marks?.check(pointer);
      await slot.marks?.raiseQuietly(pointer);
      version = pointer.version;
      const folder = join(directionFolder(modelsFolder), version);
      const paths = ['manifest.json', DIRECTION_FILE, SIGNATURE_FILE].map((name) => join(folder, name));
      mark = fingerprint(files, paths);
      if (mark === slot.current) Object.assign(slot, NOT_REFUSED);
      if (mark === slot.current || mark === slot.refusedMark) return;
      const set = await load(folder, timeframe);
      refuseSimulated(set.manifest, market);
      if (this.#isStopped) return;
      slot.current = mark;
      Object.assign(slot, NOT_REFUSED);
      apply({ kind: 'direction', timeframe, set });
    } catch (error) {
      this.#refuse(slot, mark, version, error);
    }
  }

  #refuse(slot: Slot, mark: string, version: string, error: unknown): void {
    const { log, print, onRefused } = this.#options;
    if (!isUnread(error, mark)) slot.refusedMark = mark;
    const refusal = { version, ...describeError(error) };
    slot.refused = refusal;
    const report = `${mark} ${refusal.code}`;
    if (report === slot.reportedMark) return;
    slot.reportedMark = report;
    onRefused(refusal.code);
    log.error({ slot: `direction ${slot.timeframe}`, ...refusal }, 'models refused');
    print(`Direction model ${version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
  }
}
