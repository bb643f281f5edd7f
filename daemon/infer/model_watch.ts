import { join } from 'node:path';
import { ACTIVE_POINTER, type ActiveFile } from '../../shared/bundle/active_file.ts';
import { activePath, readActiveFile } from '../../shared/bundle/bundle.ts';
import { directionFolder } from '../../shared/bundle/direction/active_direction.ts';
import { GROUP_FILE, MODEL_FILES, NET_FILE } from '../../shared/bundle/manifest.ts';
import { refuseForeign, timeframesOf, type RunningOrigin } from '../../shared/bundle/origin.ts';
import { refuseUnservedFormulas, type DaemonSubjects } from '../../shared/bundle/served_formulas.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { DIRECTION_FILES } from '../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { MarksOf, PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { ROLLOUT_POINTER, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { readShadowFile, shadowPath, shadowPointer, type ShadowSlot } from '../../shared/bundle/shadow_pointer.ts';
import type { Timeframe } from '../../shared/pair.ts';
import { pathInside } from '../../shared/path_name.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { Challenger, ShadowModels } from '../queue/input.ts';
import { bundlePaths, fingerprint, isUnread, waitsForJournal } from './file_mark.ts';
import {
  FollowedRollout,
  releaseChallenger,
  type ChallengedDirections,
  type ChallengedRules,
} from './followed_rollout.ts';
import { provedVersions } from './proved_versions.ts';

/** `active.json` names the active models, `shadow.json` those that score along, `rollout.json` a challenger. */
export type ModelSlot = 'active' | 'shadow' | 'rollout';

export interface ModelWatchOptions {
  readonly modelsFolder: string;
  /** What this daemon runs: bundles of anything else are refused. */
  readonly running: RunningOrigin;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** High-water marks of the pointer files; without them, any is accepted. */
  readonly marksOf?: MarksOf;
  /** Pairs and instruments of this daemon: models whose formulas read what they do not give are refused. */
  readonly subjects: DaemonSubjects;
  /** Reads, verifies and loads a bundle. @throws MinutehandError */
  load(folder: string): Promise<ModelSet>;
  /** Prepares the formulas of a loaded set that is not refused. */
  warm(set: ModelSet): Promise<void>;
  /** Challengers and shadows of direction models; null or absent: this daemon has no instruments. */
  readonly directions?: ChallengedDirections | null;
  /** Challengers that are rules; null or absent: this daemon serves none. */
  readonly rules?: ChallengedRules | null;
  /**
   * A set that is verified and warm: activate it between two bars. The sink releases it.
   * @param isProved by an earlier pointer; the present one, or its bundle, is refused
   */
  onReady(set: ModelSet, isProved: boolean): void;
  /** What scores along in a slot from now on, which the sink releases; null = none any more. */
  onShadow(set: ShadowModels | null, slot: ShadowSlot): void;
  /** The rollout from now on, with its challenger, which the sink releases; null = none any more. */
  onRollout(rollout: ActiveRollout | null, challenger: Challenger | null): void;
  /** A bundle was refused: the active and shadow models stay. Called once for as long as the pointer names it. */
  onRefused(version: string, error: unknown, slot: ModelSlot): void;
  /** After a refusal: the pointer names the active set again, or the rollout's state was accepted. */
  onWithdrawn(slot: ModelSlot): void;
}

export interface ModelWatch {
  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void>;
  /** The challenger of the rollout was dropped. */
  forgetChallenger(): void;
  stop(): Promise<void>;
}

/**
 * Follows `models/active.json`, `models/rollout.json` and the pointers of shadows, and never tries refused bytes again.
 * Bytes that could not be read are not refused for that: they are tried again, in silence.
 */
export function watchModels(options: ModelWatchOptions): ModelWatch {
  return new PointerWatch(options);
}

class PointerWatch implements ModelWatch {
  readonly #active: FollowedPointer<ModelSet>;
  /** Of the pairs, and of each timeframe of the instruments. */
  readonly #shadows: readonly Pick<FollowedPointer<ModelSet>, 'look' | 'stop'>[];
  readonly #rollout: FollowedRollout;
  readonly #stopTimer: () => void;
  #checking: Promise<void> | null = null;

  constructor(options: ModelWatchOptions) {
    const { modelsFolder, files, scheduler, marksOf } = options;
    const { directions = null, rules = null } = options;
    const activeMarks = marksOf?.(ACTIVE_POINTER);
    this.#active = new FollowedPointer(options, {
      ...pairBundles(options, 'active'),
      slot: 'active',
      file: 'active.json',
      pointer: activePath(modelsFolder),
      read: () => accepted(readActiveFile(modelsFolder, files), activeMarks),
      // A person's pointer, without a serial, has no mark: nothing is proved.
      proved: () => activeMarks?.accepted() ?? [],
      onReady: (set, isProved) => options.onReady(set, isProved),
      // Without a pointer, or with a bad one, the active set stays.
      onNone: null,
    });
    this.#shadows = [
      followShadow(options, null, pairBundles(options, 'shadow')),
      ...(directions?.timeframes ?? []).map((timeframe) =>
        followShadow(options, timeframe, directionBundles(options, directions!, timeframe)),
      ),
    ];
    this.#rollout = new FollowedRollout({
      modelsFolder,
      files,
      marks: marksOf?.(ROLLOUT_POINTER),
      load: (folder) => loadAllowed(folder, 'rollout', options),
      directions,
      rules,
      onRollout: (rollout, challenger) => options.onRollout(rollout, challenger),
      onRefused: (version, error) => options.onRefused(version, error, 'rollout'),
      onWithdrawn: () => options.onWithdrawn('rollout'),
    });
    this.#stopTimer = scheduler.every(options.pollMs, () => void this.check());
  }

  async check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  forgetChallenger(): void {
    this.#rollout.forget();
  }

  async stop(): Promise<void> {
    this.#active.stop();
    for (const shadow of this.#shadows) shadow.stop();
    this.#rollout.stop();
    this.#stopTimer();
    await this.#checking;
  }

  async #look(): Promise<void> {
    await this.#active.look();
    for (const shadow of this.#shadows) await shadow.look();
    await this.#rollout.look();
  }
}

/** The bundles that a pointer may name. */
interface Bundles<Model extends ShadowModels> {
  /** Identifies the bytes of a bundle. */
  markOf(version: string): string;
  /** @throws MinutehandError also for models of another market or timeframe */
  load(version: string): Promise<Model>;
}

function pairBundles(options: ModelWatchOptions, slot: ModelSlot): Bundles<ModelSet> {
  const { modelsFolder, files } = options;
  return {
    markOf: (version) => bundleMark(join(modelsFolder, version), files),
    load: (version) => loadAllowed(join(modelsFolder, version), slot, options),
  };
}

function directionBundles(
  { modelsFolder, files }: ModelWatchOptions,
  directions: ChallengedDirections,
  timeframe: Timeframe,
): Bundles<DirectionModel> {
  const folderOf = (version: string): string => pathInside(directionFolder(modelsFolder), version);
  return {
    markOf: (version) => fingerprint(files, bundlePaths(folderOf(version), DIRECTION_FILES, files)),
    load: (version) => directions.load(version, timeframe),
  };
}

/** Follows the pointer of the shadow of a slot. */
function followShadow<Model extends ShadowModels>(
  options: ModelWatchOptions,
  slot: ShadowSlot,
  bundles: Bundles<Model>,
): FollowedPointer<Model> {
  const { modelsFolder, files, marksOf } = options;
  const kind = shadowPointer(slot);
  const marks = marksOf?.(kind);
  return new FollowedPointer(options, {
    ...bundles,
    slot: 'shadow',
    file: kind.file,
    pointer: shadowPath(modelsFolder, slot),
    read: () => accepted(readShadowFile(modelsFolder, slot, files), marks),
    proved: () => [],
    onReady: (model) => options.onShadow(model, slot),
    onNone: () => options.onShadow(null, slot),
  });
}

interface Pointer<Model extends ShadowModels> extends Bundles<Model> {
  readonly slot: ModelSlot;
  /** For messages: `active.json`. */
  readonly file: string;
  /** Its path. */
  readonly pointer: string;
  /** @returns the version that it names; null = none. @throws MinutehandError */
  read(): Promise<string | null>;
  /** Pointers that were accepted before, newest first. */
  readonly proved: () => readonly ActiveFile[];
  /** @param isProved as for ModelWatchOptions.onReady */
  onReady(set: Model, isProved: boolean): void;
  /** null = the last set stays when the pointer names none. */
  readonly onNone: (() => void) | null;
}

/** A program that writes a bad pointer again and again must not fill the memory. */
const MAX_REFUSED = 100;

/** One pointer file and the set that it names. */
class FollowedPointer<Model extends ShadowModels> {
  readonly #options: Pick<ModelWatchOptions, 'files' | 'onRefused' | 'onWithdrawn'>;
  readonly #pointer: Pointer<Model>;
  /** Fingerprint of the last delivered set; empty when there is none. */
  #current = '';
  /** By fingerprint: why its bytes are not tried again. */
  readonly #refused = new Map<string, unknown>();
  /** Fingerprint of what was refused last, until another set is delivered or the refusal is withdrawn. */
  #standing: string | null = null;
  #isStopped = false;

  constructor(options: Pick<ModelWatchOptions, 'files' | 'onRefused' | 'onWithdrawn'>, pointer: Pointer<Model>) {
    this.#options = options;
    this.#pointer = pointer;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Looks once. */
  async look(): Promise<void> {
    if (this.#isStopped) return;
    const { slot, file, pointer, read, markOf } = this.#pointer;
    const { files } = this.#options;
    let version = `(${file})`;
    let seen = fingerprint(files, [pointer]);
    let named: string | null = null;
    try {
      named = await read();
      if (named === null) return this.#none();
      version = named;
      seen = markOf(version);
      if (seen === this.#current) return this.#withdraw();
      if (this.#refused.has(seen)) throw this.#refused.get(seen);
      await this.#load(version, seen);
    } catch (error) {
      if (!isUnread(error, seen)) this.#keepRefusal(seen, error);
      if (this.#standing === seen) return;
      this.#standing = seen;
      if (this.#current === '' && !waitsForJournal(error)) await this.#loadProved(named);
      this.#options.onRefused(version, error, slot);
    }
  }

  #keepRefusal(seen: string, error: unknown): void {
    this.#refused.delete(seen);
    this.#refused.set(seen, error);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > MAX_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
  }

  async #load(version: string, seen: string, isProved = false): Promise<void> {
    const set = await this.#pointer.load(version);
    if (this.#isStopped) return await releaseChallenger(set);
    this.#current = seen;
    if (!isProved) this.#standing = null;
    this.#pointer.onReady(set, isProved);
  }

  /** The first set that loads. @param failed as for provedVersions */
  async #loadProved(failed: string | null): Promise<void> {
    const { proved, markOf, slot } = this.#pointer;
    for (const version of provedVersions(proved, failed)) {
      try {
        return await this.#load(version, markOf(version), true);
      } catch (error) {
        this.#options.onRefused(version, error, slot);
      }
    }
  }

  #none(): void {
    const { slot, onNone } = this.#pointer;
    if (onNone !== null && this.#current !== '') {
      this.#current = '';
      onNone();
    }
    // No pointer names nothing bad; the active set is one that no pointer has taken back.
    if (slot === 'shadow') this.#withdraw();
  }

  #withdraw(): void {
    if (this.#standing !== null) this.#options.onWithdrawn(this.#pointer.slot);
    this.#standing = null;
  }
}

/** @returns the version of an accepted pointer. @throws MinutehandError as PointerMarks.check and raise */
async function accepted<File extends { readonly version: string | null }>(
  file: File | null,
  marks: Pick<PointerMarks<File>, 'check' | 'raiseQuietly'> | undefined,
): Promise<string | null> {
  if (file === null) return null;
  marks?.check(file);
  await marks?.raiseQuietly(file);
  return file.version;
}

/** @throws MinutehandError also for models of another market or timeframe, or with formulas that are not served */
async function loadAllowed(
  folder: string,
  slot: ModelSlot,
  { load, warm, running, subjects }: ModelWatchOptions,
): Promise<ModelSet> {
  const set = await load(folder);
  try {
    const { version, market, pairs } = set.manifest;
    refuseUnservedFormulas(version, set.schema.windows, { role: slot, daemons: [subjects] });
    refuseForeign({ version, market, timeframes: timeframesOf(pairs) }, running);
    await warm(set);
    return set;
  } catch (error) {
    await set.release();
    throw error;
  }
}

/** Identifies the bytes of a bundle: equal for the same unmodified files. */
export function bundleMark(folder: string, files: FileSystem): string {
  return fingerprint(files, bundleFiles(folder, files));
}

/** The signature, the model of the result and those of groups count where there are: most bundles have none. */
function bundleFiles(folder: string, files: FileSystem): string[] {
  const ofGroups = files.list(folder).flatMap(({ name }) => (GROUP_FILE.test(name) ? [name] : []));
  const optional = [NET_FILE, SIGNATURE_FILE, ...ofGroups.sort()].map((name) => join(folder, name));
  return [
    ...['manifest.json', ...Object.values(MODEL_FILES)].map((name) => join(folder, name)),
    ...optional.filter((path) => files.stat(path) !== null),
  ];
}
