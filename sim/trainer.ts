import { readActive, readBundle, setShadow } from '../shared/bundle/bundle.ts';
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
import { MODEL_FILES } from '../shared/bundle/manifest.ts';
import { loadModelSet, type ModelSet } from '../shared/bundle/model_set.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import type { HaltLedger } from './halt_ledger.ts';
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
  readonly halts: HaltLedger;
  /** What the journal says that stands. */
  journaledHalts(): readonly StandingHalt[];
  /** `halts.json` has become another one, or may have. */
  onHaltsChanged(): void;
  /** A person has lifted a halt. */
  onLifted(): void;
  onViolation(rule: string, what: string): void;
}

/** The other process of the machine, as far as the daemon sees it: bundles, and which of them is active. */
export interface Trainer {
  /** A run ends with new models. @returns their version, or null when they could not be published whole */
  publish(killAt?: number): string | null;
  /** Names the active models as the shadow, or none. */
  nameShadow(): void;
  /** A live KPI of a pair, or of all, is past its limit under the active models. */
  halt(killAt?: number): void;
  /** A person lifts the halts of a pair under the active models, or all of them. */
  resume(pairId: string): void;
  /** What `halts.json` says; null when it is damaged. */
  standing(): readonly StandingHalt[] | null;
  /** Runs that ended, whatever became of their models. */
  readonly published: number;
  /** A set by version, as it was trained. @throws RangeError */
  trainedSet(version: string): ModelSet;
  knows(version: string): boolean;
  /** What was made active is active still, and whole, after a power cut. @param lostCommits of the journal */
  checkSurvived(lostCommits: number): void;
  /** What was made active has been spoilt by somebody else: it need not survive. */
  forgetActivated(): void;
  /** The same of `halts.json`. */
  forgetHalts(): void;
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
  /** What `halts.json` said when it was last written to its end. */
  let lastHalts: string | null = null;

  function keep(version: string): void {
    archive.makeFolder(`${folder}/${version}`);
    for (const name of ['manifest.json', ...Object.values(MODEL_FILES)]) {
      const content = disk.peek(`${folder}/${version}/${name}`);
      if (content !== null) archive.write(`${folder}/${version}/${name}`, content);
    }
    const { pairs } = settings.minutehand;
    loading.push(
      loadModelSet(`${folder}/${version}`, schema, pairs.length, { crossCheck: false, files: archive }).then(
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

  function standing(): readonly StandingHalt[] | null {
    try {
      return readHalts(folder, peeking).halts;
    } catch {
      return null;
    }
  }

  /** A change of `halts.json`. @returns whether it came to its end; if not, nobody knows how far it came */
  function changeHalts(words: string, change: () => void): boolean {
    lastHalts = null;
    let isDone = false;
    try {
      change();
      isDone = true;
      lastHalts = standingText({ halts: standing() ?? [], resumed: [] });
      trace(() => `${words}; halted: ${lastHalts === '' ? 'nothing' : lastHalts}`);
    } catch (error) {
      trace(() => `${words}: ${String(error)}`);
    }
    options.onHaltsChanged();
    return isDone;
  }

  return {
    halt(killAt) {
      const version = peekActive();
      if (version === null) return;
      const pairs = settings.minutehand.pairs;
      const pair_id = rng.integer(4) === 0 ? ALL_PAIRS : pairs[rng.integer(pairs.length)]!;
      const since = new Date(options.trueMs()).toISOString();
      options.halts.ordered({ pair_id, version });
      changeHalts(`monitor: halts ${pair_id}`, () =>
        addHalts(
          folder,
          [{ pair_id, reason: 'drawdown', seen: '0.2', limit: '0.1', version, since }],
          options.openFiles(killAt),
        ),
      );
    },
    resume(pairId) {
      const version = peekActive();
      const isDone = changeHalts(`person: resumes ${pairId}`, () =>
        resume(folder, pairId, new Date(options.trueMs()), disk),
      );
      if (version !== null) options.halts.lifted(pairId, version, isDone);
      if (isDone) options.onLifted();
    },
    standing,
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
    checkSurvived(lostCommits) {
      options.halts.lost(lostCommits > 0 ? null : options.journaledHalts(), standing() ?? []);
      options.onHaltsChanged();
      if (lastHalts !== null) {
        const now = standing();
        if (now === null || standingText({ halts: now, resumed: [] }) !== lastHalts)
          options.onViolation('halts lost', `"${lastHalts}" before the power cut, now ${disk.peek(haltsPath(folder))}`);
      }
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
    forgetHalts() {
      lastHalts = null;
      options.halts.lost(options.journaledHalts(), standing() ?? []);
      options.onHaltsChanged();
    },
    async settled() {
      await Promise.all(loading);
    },
  };
}
