import type { BundleShelf } from '../../../shared/bundle/shelves/bundle_shelf.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { RunKind } from '../../store/schema/jobs.ts';
import type { LiveComparison } from '../comparison/live_comparison.ts';
import type { Job, JobKind } from '../kinds/registry.ts';
import type { StageTime } from '../progress/run_progress.ts';
import type { RunParameters } from '../kinds/run_parameters.ts';
import type { DeepVerdict, DeepVerification } from '../kinds/verify_training.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';

/** The training half of a strategy: all that schedule, triggers, API and commands ask of it, whatever it learns. */
export interface StrategyTraining {
  /** Name of its bundles' shelf. */
  readonly shelf: BundleShelf['name'];
  /** Kinds of runs that make its bundles; the first one learns from the beginning. */
  readonly runs: readonly [RunKind, ...RunKind[]];
  /** Kinds of jobs that do these runs. */
  readonly jobs: readonly JobKind[];

  /**
   * The run of a slot that a request names by no more than its kind and timeframe.
   * @param timeframe that the request names; absent: that of all its subjects
   * @throws MinutehandError RETRAIN_KIND where this names no slot
   */
  requested(kind: RunKind, timeframe: string | undefined, settings: Pick<Settings, 'minutehand'>): WantedRun;

  /**
   * The run that answers findings about the models of a slot.
   * @param isFull whether other thresholds are no answer
   * @throws MinutehandError as `requested`
   */
  retraining(slot: ModelSlotId, isFull: boolean, settings: Pick<Settings, 'minutehand'>): WantedRun;

  /** What a round over all of its slots that have subjects trains from the beginning, one after the other. */
  roundOf(settings: Pick<Settings, 'minutehand'>): readonly RunParameters[];

  /**
   * The job of a run of one of its kinds.
   * @throws RangeError for a run without what it needs, which no door begins
   */
  jobOf(run: TrainingRun, settings: Settings, workers: number): Job;

  /**
   * Refuses what its configured training cannot do, before any bars are read; nothing without subjects.
   * @throws MinutehandError SETTING_UNSUPPORTED, LEARNER_TASK for a GPU or a loss that the engine cannot use,
   * LEARNER_MISSING for a library that is not on this machine
   */
  refuseUnusable(settings: Settings): void;

  /**
   * What the learning of a run takes, for a comparison with another run of its kind and learner on the same bars:
   * models of its folds, blocks, trials and members, each with as many trees as it may have.
   */
  workOf(run: TrainingRun, settings: Settings): number;

  /** Stages of a training and their shares of its time, measured roughly: until a run has ended, which tells more. */
  readonly firstStages: readonly StageTime[];

  /** How its live models are compared with a challenger and with a shadow. */
  readonly comparison: LiveComparison;

  /** How the labels of that comparison overlap. @param slot of the models */
  overlapOf(slot: ModelSlotId): LabelOverlap;

  /**
   * What the metadata views state of one of its bundles.
   * @throws MinutehandError as the facts of its shelf
   */
  metadataOf(folder: string): BundleMetadata;

  /**
   * Loads a bundle and checks its golden answers, as the daemon does.
   * @returns its version
   * @throws MinutehandError as the daemon
   */
  verify(folder: string, settings: Settings): Promise<string>;

  /**
   * Trains a bundle again by what it records of its training, and compares the two.
   * @throws MinutehandError of its bars and training
   */
  verifyDeeply(folder: string, options: DeepVerification): Promise<DeepVerdict>;
}

/** Measures of one model on rows that it has not learned from; null: not measured. */
export interface ModelFigures {
  readonly f1_score: number | null;
  readonly accuracy: number | null;
  readonly auc: number | null;
  readonly brier: number | null;
}

export interface BundleMetadata {
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  /** Timeframe of its slot; null: its slot has none. */
  readonly timeframe: string | null;
  readonly about: Readonly<Record<string, unknown>>;
  /** By the name of the model, and of each member of an ensemble after a dot: `ai1`, `ai1.lightgbm`, `direction`. */
  readonly figures: Readonly<Record<string, ModelFigures>>;
  /** One level of numbers: those of the model that decides about entries, and of the backtest. */
  readonly performance: Readonly<Record<string, number | null>>;
}

/** Kind and choices of a run that is wanted. */
export interface WantedRun {
  readonly kind: RunKind;
  readonly parameters?: RunParameters;
}

/** What a job is made from. */
export interface TrainingRun {
  readonly kind: RunKind;
  readonly trigger: RunTrigger;
  readonly parameters: RunParameters;
}

export interface LabelOverlap {
  /** Bars until a label is known. */
  readonly horizon: number;
  /** Bars of a block of the bootstrap. */
  readonly block: number;
}
