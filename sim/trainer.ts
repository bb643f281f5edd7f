import { endShadow, setShadow } from '../shared/bundle/admission/activation.ts';
import { readActive, readBundle } from '../shared/bundle/bundle.ts';
import {
  addHalts,
  ALL_PAIRS,
  haltsPath,
  readHalts,
  resume,
  standingText,
  type StandingHalt,
} from '../shared/bundle/halts.ts';
import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import { modelFiles, type Manifest } from '../shared/bundle/manifest.ts';
import { openModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import { prepareModels, type PreparedModels } from '../shared/bundle/prepared_models.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import type { HaltLedger } from './halt_ledger.ts';
import { modelContent, publishModels, unjudged } from './models.ts';
import { settingsOfRun } from './formula_sets.ts';
import { loadReferences, type ReferenceModels } from './reference_models.ts';
import type { Timeline } from './timeline.ts';

/** Reads and verifies models, as `prepareModels`; tests let it take its time. */
export type Prepare = (prepare: () => Promise<PreparedModels>) => Promise<PreparedModels>;
export const prepareAtOnce: Prepare = (prepare) => prepare();

export interface TrainerOptions {
  readonly settings: Settings;
  readonly schema: FeatureSchema;
  readonly folder: string;
  readonly disk: SimulatedDisk;
  readonly rng: Rng;
  readonly timeline: Timeline;
  readonly prepare: Prepare;
  /** Whether bundles have groups of pairs with models of their own. */
  readonly hasGroups: boolean;
  /** Whether formulas of bundles read other symbols. */
  readonly readsOthers: boolean;
  trueMs(): number;
  /** File system of a process that is killed at its `killAt`-th call; undefined: it is not killed. */
  openFiles(killAt: number | undefined): FileSystem;
  trace(line: () => string): void;
  readonly halts: HaltLedger;
  /** Active halts according to the journal. */
  journaledHalts(): readonly StandingHalt[];
  /** `halts.json` has changed, or may have. */
  onHaltsChanged(): void;
  /** An operator has lifted a halt. */
  onLifted(): void;
  onViolation(rule: string, what: string): void;
}

/** The trainer as seen by the daemon: bundles, and which of them is active. */
export interface Trainer {
  /** Ends a run with new models. @returns their version, or null when publishing failed */
  publish(killAt?: number): string | null;
  /** Makes the active models the shadow, or removes the shadow. */
  nameShadow(): void;
  /** A live KPI of a pair, or of all, is beyond its limit under the active models. */
  halt(killAt?: number): void;
  /** An operator lifts the halts of a pair under the active models, or all of them. */
  resume(pairId: string): void;
  /** Halts of `halts.json`; null when it is damaged. */
  standing(): readonly StandingHalt[] | null;
  /** Number of completed runs, with any outcome. */
  readonly published: number;
  /** The set of this version as trained. @throws RangeError */
  trainedSet(version: string): ModelSet;
  hasTrained(version: string): boolean;
  /** The models that answer a pair, each group's loaded as a bundle of their own. */
  references(): Promise<ReferenceModels>;
  /** After a power cut, activated models must still be active and intact. @param lostCommits of the journal */
  checkSurvived(lostCommits: number): void;
  /** The active models were damaged from outside: they need not survive. */
  forgetActivated(): void;
  /** As `forgetActivated`, for `halts.json`. */
  forgetHalts(): void;
}

/** Read-only view of the disk without faults, for observers. */
export function peekingFiles(disk: SimulatedDisk): FileSystem {
  return {
    ...disk,
    read(path) {
      const content = disk.peek(path);
      if (content === null) throw Object.assign(new Error(`ENOENT: open '${path}'`), { code: 'ENOENT' });
      return content;
    },
  };
}

export function createTrainer(options: TrainerOptions): Trainer {
  return new SimulatedTrainer(options);
}

class SimulatedTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #peeking: FileSystem;
  readonly #archive: Archive;
  readonly #halts: HaltsFile;
  #published = 0;
  #lastActivated: string | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.#peeking = peekingFiles(options.disk);
    this.#archive = new Archive(options);
    this.#halts = new HaltsFile(options, this.#peeking);
  }

  get published(): number {
    return this.#published;
  }

  publish(killAt?: number): string | null {
    const { folder, hasGroups, openFiles, trueMs, trace } = this.#options;
    try {
      const run = ++this.#published;
      const content = modelContent(run, this.#settingsOf(run), hasGroups);
      const { version } = publishModels(openFiles(killAt), folder, new Date(trueMs()), content);
      this.#lastActivated = version;
      this.#archive.keep(version, this.#published);
      trace(() => `trainer: models ${version} written and made active`);
      return version;
    } catch (error) {
      trace(() => `trainer: ${String(error)}`);
      this.#keepHalfPublished();
      return null;
    }
  }

  #settingsOf(run: number): Settings {
    const { settings, readsOthers } = this.#options;
    return readsOthers ? settingsOfRun(settings, run) : settings;
  }

  /** The run may have activated them. After a power cut, both states are allowed. */
  #keepHalfPublished(): void {
    const { disk, folder } = this.#options;
    const active = this.#peekActive();
    const isWhole = active !== null && disk.peek(`${folder}/${active}/manifest.json`) !== null;
    if (isWhole && !this.#archive.has(active)) this.#archive.keep(active, this.#published);
    this.#lastActivated = null;
  }

  #peekActive(): string | null {
    try {
      return readActive(this.#options.folder, this.#peeking)?.version ?? null;
    } catch {
      return null;
    }
  }

  nameShadow(): void {
    const { folder, rng, disk, trace } = this.#options;
    try {
      const version = rng.integer(3) === 0 ? null : this.#peekActive();
      if (version === null) endShadow('pairs', folder, disk);
      else setShadow(unjudged('shadow', version, folder, this.#peeking), folder, disk);
    } catch (error) {
      trace(() => `shadow: ${String(error)}`);
    }
  }

  trainedSet(version: string): ModelSet {
    return this.#archive.set(version);
  }

  hasTrained(version: string): boolean {
    return this.#archive.has(version);
  }

  references(): Promise<ReferenceModels> {
    return this.#archive.references();
  }

  halt(killAt?: number): void {
    const version = this.#peekActive();
    if (version !== null) this.#halts.halt(version, killAt);
  }

  resume(pairId: string): void {
    this.#halts.resume(pairId, this.#peekActive());
  }

  standing(): readonly StandingHalt[] | null {
    return this.#halts.standing();
  }

  checkSurvived(lostCommits: number): void {
    this.#halts.checkSurvived(lostCommits);
    if (this.#lastActivated !== null) this.#checkModelsSurvived(this.#lastActivated);
  }

  #checkModelsSurvived(activated: string): void {
    const { folder, onViolation } = this.#options;
    try {
      const active = readActive(folder, this.#peeking);
      if (active?.version !== activated)
        onViolation('models lost', `${activated} was active before the power cut, now ${active?.version ?? 'none'}`);
      readBundle(`${folder}/${activated}`, this.#peeking);
    } catch (error) {
      onViolation('models lost', `${activated} after the power cut: ${String(error)}`);
    }
  }

  forgetActivated(): void {
    this.#lastActivated = null;
  }

  forgetHalts(): void {
    this.#halts.forget();
  }
}

/** Every published set as trained, unaffected by faults. */
class Archive {
  readonly #options: TrainerOptions;
  readonly #files: SimulatedDisk;
  readonly #sets = new Map<string, ModelSet>();
  /** The run that made each version. */
  readonly #runs = new Map<string, number>();

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.#files = createDisk({ rng: options.rng, wallMs: () => 0, spend: () => undefined });
  }

  /** Copies a bundle from the disk. @param run its number */
  keep(version: string, run: number): void {
    const { folder, disk, schema, settings, timeline, prepare, onViolation } = this.#options;
    const bundle = `${folder}/${version}`;
    this.#files.makeFolder(bundle);
    const manifest = disk.peek(`${bundle}/manifest.json`)?.toString() ?? '{"files":{}}';
    for (const name of ['manifest.json', ...modelFiles(JSON.parse(manifest) as Manifest)]) {
      const content = disk.peek(`${bundle}/${name}`);
      if (content !== null) this.#files.write(`${bundle}/${name}`, content);
    }
    this.#runs.set(version, run);
    const maxRows = settings.minutehand.pairs.length;
    const files = this.#files;
    void timeline
      .real(prepare(() => prepareModels(bundle, schema, { crossCheck: false, files })))
      .then((prepared) => openModelSet(prepared, maxRows))
      .then(
        (set) => void this.#sets.set(version, set),
        (error: unknown) => onViolation('defect', `the trainer's own models cannot be loaded: ${String(error)}`),
      );
  }

  references(): Promise<ReferenceModels> {
    const { settings, hasGroups } = this.#options;
    return loadReferences(settings, hasGroups ? this.#runs : new Map(), (version) => this.set(version));
  }

  has(version: string): boolean {
    return this.#sets.has(version);
  }

  /** @throws RangeError */
  set(version: string): ModelSet {
    const set = this.#sets.get(version);
    if (set === undefined) throw new RangeError(`no models ${version} were ever trained`);
    return set;
  }
}

/** `halts.json`, as changed by the monitor and an operator. */
class HaltsFile {
  readonly #options: TrainerOptions;
  readonly #peeking: FileSystem;
  /** Content of the last complete write; null: unknown. */
  #last: string | null = null;

  constructor(options: TrainerOptions, peeking: FileSystem) {
    this.#options = options;
    this.#peeking = peeking;
  }

  /** null when it is damaged. */
  standing(): readonly StandingHalt[] | null {
    try {
      return readHalts(this.#options.folder, this.#peeking).halts;
    } catch {
      return null;
    }
  }

  /** @returns whether the change completed; if not, it may or may not have taken effect */
  #change(words: string, change: () => void): boolean {
    const { trace, onHaltsChanged } = this.#options;
    this.#last = null;
    let isDone = false;
    try {
      change();
      isDone = true;
      const written = standingText({ halts: this.standing() ?? [], resumed: [] });
      this.#last = written;
      trace(() => `${words}; halted: ${written === '' ? 'nothing' : written}`);
    } catch (error) {
      trace(() => `${words}: ${String(error)}`);
    }
    onHaltsChanged();
    return isDone;
  }

  halt(version: string, killAt?: number): void {
    const { settings, rng, folder, halts, trueMs, openFiles } = this.#options;
    const { pairs } = settings.minutehand;
    const pair_id = rng.integer(4) === 0 ? ALL_PAIRS : pairs[rng.integer(pairs.length)]!;
    const since = new Date(trueMs()).toISOString();
    halts.ordered({ pair_id, version });
    const halt = { pair_id, reason: 'drawdown', seen: '0.2', limit: '0.1', version, since } as const;
    this.#change(`monitor: halts ${pair_id}`, () => addHalts(folder, [halt], openFiles(killAt)));
  }

  /** @param version of the active models */
  resume(pairId: string, version: string | null): void {
    const { folder, disk, halts, trueMs, onLifted } = this.#options;
    const isDone = this.#change(`person: resumes ${pairId}`, () => resume(folder, pairId, new Date(trueMs()), disk));
    if (version !== null) halts.lifted(pairId, version, isDone);
    if (isDone) onLifted();
  }

  /** @param lostCommits of the journal, by a power cut */
  checkSurvived(lostCommits: number): void {
    const { halts, disk, folder, journaledHalts, onHaltsChanged, onViolation } = this.#options;
    halts.lost(lostCommits > 0 ? null : journaledHalts(), this.standing() ?? []);
    onHaltsChanged();
    if (this.#last === null) return;
    const now = this.standing();
    if (now === null || standingText({ halts: now, resumed: [] }) !== this.#last)
      onViolation('halts lost', `"${this.#last}" before the power cut, now ${String(disk.peek(haltsPath(folder)))}`);
  }

  /** The file was damaged from outside. */
  forget(): void {
    const { halts, journaledHalts, onHaltsChanged } = this.#options;
    this.#last = null;
    halts.lost(journaledHalts(), this.standing() ?? []);
    onHaltsChanged();
  }
}
