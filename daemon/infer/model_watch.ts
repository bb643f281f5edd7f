import { join } from 'node:path';
import { ACTIVE_POINTER } from '../../shared/bundle/active_file.ts';
import { activePath, readActiveFile } from '../../shared/bundle/bundle.ts';
import { directionFolder } from '../../shared/bundle/direction/active_direction.ts';
import { GROUP_FILE, MODEL_FILES, NET_FILE } from '../../shared/bundle/manifest.ts';
import { orRelease } from '../../shared/bundle/or_release.ts';
import { refuseForeign, timeframesOf, type RunningOrigin } from '../../shared/bundle/origin.ts';
import { refuseUnservedFormulas, type DaemonSubjects } from '../../shared/bundle/served_formulas.ts';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { DIRECTION_FILES } from '../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { MarksOf, PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { ROLLOUT_POINTER, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { readShadowFile, shadowPointer } from '../../shared/bundle/shadow_pointer.ts';
import type { Timeframe } from '../../shared/pair.ts';
import { pathInside } from '../../shared/path_name.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { Challenger, ShadowModels } from '../queue/input.ts';
import { bundlePaths, fingerprint } from './file_mark.ts';
import { FollowedPointer, type FollowedPointerOptions } from './followed_pointer.ts';
import { FollowedRollout, type ChallengedDirections, type ChallengedRules } from './followed_rollout.ts';
import { directionSlot, type ModelSlotId } from '../../shared/subject/slot.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

/** `active.json` names the active models, `shadow.json` those that score in shadow, `rollout.json` a challenger. */
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
  /** What scores in shadow in a slot from now on, which the sink releases; null = none any more. */
  onShadow(set: ShadowModels | null, slot: ModelSlotId): void;
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
    this.#active = new FollowedPointer({
      ...pairBundles(options),
      ...toldOf(options, 'active'),
      name: 'active.json',
      path: activePath(modelsFolder),
      read: () => accepted(readActiveFile(modelsFolder, files), activeMarks),
      // A person's pointer, without a serial, has no mark: nothing is proved.
      proved: () => activeMarks?.accepted() ?? [],
      onReady: (set, _version, isProved) => options.onReady(set, isProved),
      // Without a pointer, or with a bad one, the active set stays.
      onNone: null,
    });
    this.#shadows = [
      followShadow(options, 'pairs', pairBundles(options)),
      ...(directions?.timeframes ?? []).map((timeframe) =>
        followShadow(options, directionSlot(timeframe), directionBundles(options, directions!, timeframe)),
      ),
    ];
    this.#rollout = new FollowedRollout({
      modelsFolder,
      files,
      marks: marksOf?.(ROLLOUT_POINTER),
      load: (folder) => loadAllowed(folder, options),
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
type Bundles<Model extends ShadowModels> = Pick<FollowedPointerOptions<Model>, 'markOf' | 'load'>;

/** Where a slot is read from, and what is called when it is refused. */
function toldOf(
  { files, onRefused, onWithdrawn }: ModelWatchOptions,
  slot: ModelSlot,
): Pick<FollowedPointerOptions<ShadowModels>, 'files' | 'onRefused' | 'onWithdrawn'> {
  return {
    files,
    onRefused: (version, error) => onRefused(version, error, slot),
    onWithdrawn: () => onWithdrawn(slot),
  };
}

function pairBundles(options: ModelWatchOptions): Bundles<ModelSet> {
  const { modelsFolder, files } = options;
  return {
    markOf: (version) => bundleMark(join(modelsFolder, version), files),
    load: (version) => loadAllowed(join(modelsFolder, version), options),
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
  slot: ModelSlotId,
  bundles: Bundles<Model>,
): FollowedPointer<Model> {
  const { modelsFolder, files, marksOf } = options;
  const kind = shadowPointer(slot);
  const marks = marksOf?.(kind);
  return new FollowedPointer({
    ...bundles,
    ...toldOf(options, 'shadow'),
    name: kind.file,
    path: filesOf(modelsFolder, slot).shadow.path,
    read: () => accepted(readShadowFile(modelsFolder, slot, files), marks),
    proved: () => [],
    onReady: (model) => options.onShadow(model, slot),
    onNone: () => options.onShadow(null, slot),
  });
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
async function loadAllowed(folder: string, { load, warm, running, subjects }: ModelWatchOptions): Promise<ModelSet> {
  return orRelease(await load(folder), (set) => {
    const { version, market, pairs } = set.manifest;
    refuseUnservedFormulas(version, set.schema.windows, [subjects]);
    refuseForeign({ version, market, timeframes: timeframesOf(pairs) }, running);
    return warm(set);
  });
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
