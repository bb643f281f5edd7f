import { readActive, readBundle, setShadow } from '../shared/bundle/bundle.ts';
import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import { MODEL_FILES } from '../shared/bundle/manifest.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import { modelContent, publishModels } from './models.ts';

export interface TrainerOptions {
  readonly settings: Settings;
  readonly schema: FeatureSchema;
  readonly folder: string;
  readonly disk: SimulatedDisk;
  readonly rng: Rng;
  trueMs(): number;
  /** The files of a process that ends at its `killAt`-th call; undefined: it does not. */
  openFiles(killAt: number | undefined): FileSystem;
  trace(line: () => string): void;
  onViolation(rule: string, what: string): void;
}

/** The other process of the machine, as far as the daemon sees it: bundles, and which of them is active. */
export interface Trainer {
  /** A run ends with new models. @returns their version, or null when they could not be published whole */
  publish(killAt?: number): string | null;
  /** Names the active models as the shadow, or none. */
  nameShadow(): void;
  /** Runs that ended, whatever became of their models. */
  readonly published: number;
  /** A set by version, as it was trained. @throws RangeError */
  trainedSet(version: string): ModelSet;
  knows(version: string): boolean;
  /** What was made active is active still, and whole, after a power cut. */
  checkSurvived(): void;
  /** What was made active has been spoilt by somebody else: it need not survive. */
  forgetActivated(): void;
  /** Resolves when all sets that were published can be asked for. */
  settled(): Promise<void>;
}

/** The disk as it is, faults aside: for those who look at it from outside. */
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
  const { settings, schema, folder, disk, rng, trace } = options;
  const peeking = peekingFiles(disk);
  /** Out of the reach of faults. */
  const archive = createDisk({ rng, wallMs: () => 0, spend: () => undefined });
  const trained = new Map<string, ModelSet>();
  const loading: Promise<void>[] = [];
  let published = 0;
  let lastActivated: string | null = null;

  function keep(version: string): void {
    archive.makeFolder(`${folder}/${version}`);
    for (const name of ['manifest.json', ...Object.values(MODEL_FILES)]) {
      const content = disk.peek(`${folder}/${version}/${name}`);
      if (content !== null) archive.write(`${folder}/${version}/${name}`, content);
    }
    const { pairs } = settings.minutehand;
    loading.push(
      loadModelSet(`${folder}/${version}`, schema, pairs.length, { judge: false, files: archive }).then(
        (set) => void trained.set(version, set),
        (error: unknown) =>
          options.onViolation('defect', `the trainer's own models cannot be loaded: ${String(error)}`),
      ),
    );
  }

  function peekActive(): string | null {
    try {
      return readActive(folder, peeking)?.version ?? null;
    } catch {
      return null;
    }
  }

  return {
    get published() {
      return published;
    },
    publish(killAt) {
      try {
        const content = modelContent(++published, settings);
        const { version } = publishModels(options.openFiles(killAt), folder, new Date(options.trueMs()), content);
        lastActivated = version;
        keep(version);
        trace(() => `trainer: models ${version} written and made active`);
        return version;
      } catch (error) {
        trace(() => `trainer: ${String(error)}`);
        // It may have come as far as to make them active. Which of two it is after a power cut, nobody has promised.
        const active = peekActive();
        const isWhole = active !== null && disk.peek(`${folder}/${active}/manifest.json`) !== null;
        if (isWhole && !trained.has(active)) keep(active);
        lastActivated = null;
        return null;
      }
    },
    nameShadow() {
      try {
        setShadow(folder, rng.integer(3) === 0 ? null : peekActive(), disk);
      } catch (error) {
        trace(() => `shadow: ${String(error)}`);
      }
    },
    trainedSet(version) {
      const set = trained.get(version);
      if (set === undefined) throw new RangeError(`no models ${version} were ever trained`);
      return set;
    },
    knows: (version) => trained.has(version),
    checkSurvived() {
      if (lastActivated === null) return;
      try {
        const active = readActive(folder, peeking);
        if (active?.version !== lastActivated)
          options.onViolation(
            'models lost',
            `${lastActivated} was active before the power cut, now ${active?.version ?? 'none'}`,
          );
        readBundle(`${folder}/${lastActivated}`, peeking);
      } catch (error) {
        options.onViolation('models lost', `${lastActivated} after the power cut: ${String(error)}`);
      }
    },
    forgetActivated() {
      lastActivated = null;
    },
    async settled() {
      await Promise.all(loading);
    },
  };
}
