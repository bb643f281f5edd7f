import { FeatureEngine, type PairBars } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Pair } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import { isHeartbeat } from '../align/minute.ts';
import type { MinuteItem } from '../queue/queue.ts';

/** Minutes whose rows are written while their features are in the cache. */
const PIECE = 64;

/** The features of all pairs, and the rows of a batch that models score: float32, [rows × columns]. */
export class FeatureMatrix {
  readonly features: FeatureEngine;
  readonly values: Float32Array;
  /** Id of the pair of each row. */
  readonly rowPairs: string[];
  readonly #ids: readonly string[];
  readonly #columns: number;
  /** Row of each pair; −1 = not scored. */
  readonly #rows: Int32Array;
  /** The feature values of each pair as bytes, for their checksum. */
  readonly #bytes: readonly Uint8Array[];

  constructor(pairs: readonly Pair[], windows: Windows, columns: number) {
    this.features = new FeatureEngine(pairs, windows);
    this.values = new Float32Array(pairs.length * columns);
    this.#ids = pairs.map(({ id }) => id);
    this.rowPairs = [...this.#ids];
    this.#columns = columns;
    this.#rows = new Int32Array(pairs.length).fill(-1);
    this.#bytes = pairs.map((_, pairIndex) => {
      const { buffer, byteOffset, byteLength } = this.features.values(pairIndex);
      return new Uint8Array(buffer, byteOffset, byteLength);
    });
  }

  /**
   * Updates the features by the complete minutes and fills in the pairs that are to be scored.
   * @returns how many rows there are
   */
  step(batch: readonly MinuteItem[]): number {
    let rows = 0;
    for (let from = 0; from < batch.length; from += PIECE) {
      // A pair is published by its last minute of a batch.
      const piece = batch.length <= PIECE ? batch : batch.slice(from, from + PIECE);
      this.#stepFeatures(piece);
      rows = this.#fillRows(piece, rows);
    }
    return rows;
  }

  #stepFeatures(items: readonly MinuteItem[]): void {
    const complete: PairBars[] = [];
    for (const { minute } of items) if (minute.outcome === 'COMPLETE') complete.push(minute as PairBars);
    this.features.step(complete);
  }

  /** @returns how many rows there are then */
  #fillRows(items: readonly MinuteItem[], filled: number): number {
    let rows = filled;
    for (const { minute, publish } of items) {
      const { pairIndex, outcome } = minute;
      const isScored = publish && (outcome === 'COMPLETE' || isHeartbeat(minute)) && this.features.ready(pairIndex);
      this.#rows[pairIndex] = isScored ? rows : -1;
      if (!isScored) continue;
      this.rowPairs[rows] = this.#ids[pairIndex]!;
      this.features.writeRow(pairIndex, this.values, rows++ * this.#columns);
    }
    return rows;
  }

  /** Of the last batch; −1 = the pair is not scored. */
  rowOf(pairIndex: number): number {
    return this.#rows[pairIndex]!;
  }

  /** CRC-32 of the pair's feature values (float64, little endian). */
  checksum(pairIndex: number): string {
    return checksum(this.#bytes[pairIndex]!);
  }
}
