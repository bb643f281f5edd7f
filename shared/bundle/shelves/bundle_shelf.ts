import type { Windows } from '../../core/features/windows.ts';
import type { Pair, Timeframe } from '../../pair.ts';
import type { Settings } from '../../policy/policy.ts';
import type { FileSystem } from '../../ports.ts';
import type { Manifest } from '../manifest.ts';
import type { BundleOrigin } from '../origin.ts';
import type { PointerPlace } from '../pointer.ts';
import type { RecordedGates } from '../recorded_gates.ts';
import type { ShelfName, StrategyName } from '../../strategies/registry.ts';
import type { ModelSlotId } from '../../subject/slot.ts';

/** The bundles of a strategy: where they are, which pointers name them, what a manifest says. */
export interface BundleShelf {
  readonly name: ShelfName;
  /** Of its models, as `--strategy` names it. */
  readonly strategy: StrategyName;
  /** Where its bundles are, by their versions. */
  folder(modelsFolder: string): string;
  /** Of each slot the pointer to its active bundle. */
  places(modelsFolder: string): readonly SlotPlace[];
  /** Whether old bundles are removed every hour, besides those that an adoption removes. */
  readonly isPrunedHourly: boolean;
  /** Whether a folder has one of its bundles, or what is left of one. Never throws. */
  isBundle(folder: string): boolean;
  /** @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
  facts(folder: string): BundleFacts;
  /**
   * Verifies the files of a bundle as well.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SIGNATURE, MODEL_LOAD
   */
  check(folder: string, files: FileSystem): CheckedBundle;
  /**
   * Which subjects earn more than they cost, by its judgement of a bundle, whose claims have all passed.
   * @throws MinutehandError as `facts`
   */
  edgeOf(folder: string): (subject: Pair) => boolean;
  /** @throws MinutehandError as `facts` */
  figures(folder: string): BundleFigures;
  /** What an event of a change of its status tells about a bundle. @param manifest as the registry has it */
  announced(manifest: unknown): AnnouncedBundle;
  /**
   * Loads a bundle and checks its golden answers, as a daemon does.
   * @throws MinutehandError as the daemon
   */
  verify(folder: string, settings: Settings): Promise<VerifiedBundle>;
  /**
   * Copies a bundle into the folder of bundles, whole or not at all; nothing where it is there.
   * @throws MinutehandError MODEL_EXISTS when another bundle has the version; as `check`
   */
  takeIn(folder: string, version: string, modelsFolder: string): void;
  /**
   * Signs a bundle with the signing key.
   * @returns name of the key
   * @throws MinutehandError KEY_UNUSABLE; as `check`
   */
  sign(folder: string): string;
  /** Timeframes of the subjects that this configuration runs with such bundles. */
  timeframesOf(minutehand: Settings['minutehand']): readonly Timeframe[];
  /**
   * Hash of the feature schema that the bundle of a slot has to have here.
   * @throws MinutehandError MODEL_MANIFEST for formulas that this version does not compute
   */
  expectedSchema(
    slot: ModelSlotId,
    bundle: Pick<BundleFacts, 'version' | 'windows'>,
    minutehand: Settings['minutehand'],
  ): string;
  /** Windows of a bundle whose formulas may read bars that daemons have to wait for; null: they read none. */
  awaitingWindows(bundle: Pick<BundleFacts, 'windows'>, minutehand: Settings['minutehand']): Windows | null;
}

export interface SlotPlace {
  readonly slot: ModelSlotId;
  readonly place: PointerPlace;
}

export interface CheckedBundle {
  readonly created: string;
  readonly slot: ModelSlotId;
}

/** A bundle that a daemon could load. */
export interface VerifiedBundle extends BundleOrigin {
  readonly slot: ModelSlotId;
  readonly recorded: RecordedGates;
  /** As `awaitingWindows`. */
  readonly windows: Windows | null;
}

/** What a bundle was learned from, by which features, and how it was judged. */
export interface BundleFacts extends BundleOrigin {
  /** Hash of its feature schema. */
  readonly schema: string;
  readonly windows: Manifest['windows'];
  readonly recorded: RecordedGates;
}

/** Figures of a bundle for receivers of events. */
export interface AnnouncedBundle {
  /** Of the event. */
  readonly schema: string;
  readonly market: Manifest['market'];
  readonly [figure: string]: unknown;
}

/** What the list of training runs shows of a bundle. */
export interface BundleFigures {
  /** null: the manifest has none. */
  readonly seed: number | null;
  readonly data_from: string;
  readonly data_to: string;
  readonly data_hash: string;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly theta1: number | null;
  readonly theta2: number | null;
}
