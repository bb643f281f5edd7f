import type { Timeframe } from '../../pair.ts';
import type { FileSystem } from '../../ports.ts';
import type { Manifest } from '../manifest.ts';
import type { BundleOrigin } from '../origin.ts';
import type { PointerPlace } from '../pointer.ts';
import type { RecordedGates } from '../recorded_gates.ts';
import type { ShelfName } from '../shelf_name.ts';

/** The bundles of a strategy: where they are, which pointers name them, what a manifest says. */
export interface BundleShelf {
  readonly name: ShelfName;
  /** Of its models, as `--strategy` names it. */
  readonly strategy: 'pair_reversion' | 'direction';
  /** Where its bundles are, by their versions. */
  folder(modelsFolder: string): string;
  /** Of each slot the pointer to its active bundle. */
  places(modelsFolder: string): readonly SlotPlace[];
  /** Whether a folder has one of its bundles, or what is left of one. Never throws. */
  isBundle(folder: string): boolean;
  /** @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
  facts(folder: string): BundleFacts;
  /**
   * Verifies the files of a bundle as well.
   * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, MODEL_SIGNATURE, MODEL_LOAD
   */
  check(folder: string, files: FileSystem): CheckedBundle;
  /** @throws MinutehandError as `facts` */
  figures(folder: string): BundleFigures;
}

export interface SlotPlace {
  /** Of a slot for the subjects of one timeframe; null: of all. */
  readonly timeframe: Timeframe | null;
  readonly place: PointerPlace;
}

export interface CheckedBundle {
  readonly created: string;
  /** Of its slot. */
  readonly timeframe: Timeframe | null;
}

/** What a bundle was learned from, by which features, and how it was judged. */
export interface BundleFacts extends BundleOrigin {
  /** Hash of its feature schema. */
  readonly schema: string;
  readonly windows: Manifest['windows'];
  readonly recorded: RecordedGates;
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
