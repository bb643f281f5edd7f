import type { BatchScores, ModelSet, SetGroups } from './loaded_models.ts';
import { bundleModels, perBundleModel, type BundleModel } from './bundle_models.ts';
import { slowestEngine } from './scoring_engine.ts';

type Own = SetGroups['own'];

/**
 * One set of the pooled models and those of groups: each row is scored by the set of its pair, one call per set, and
 * thresholds are those of `groups.serving`. Everything else is that of the pooled set.
 * @param maxRows rows that each set was loaded for
 * @param columns numbers of each row of a batch
 */
export function groupModelSets(pooled: ModelSet, own: Own, maxRows: number, columns: number): ModelSet {
  const sets = [pooled, ...own.map(({ set }) => set)];
  const partOf = new Map(own.flatMap(({ pairs }, i) => pairs.map((id) => [id, i + 1] as const)));
  const rowsOf = new RowGroups(sets, maxRows, columns);
  return {
    ...pooled,
    engines: perBundleModel(bundleModels(pooled.manifest), (name) =>
      slowestEngine(sets.map(({ engines }) => engines[name]!)),
    ),
    engineNotes: perBundleModel(bundleModels(pooled.manifest), (name) =>
      [pooled.engineNotes[name]!, ...own.map((group) => `${group.name}: ${group.set.engineNotes[name]!}`)].join('; '),
    ),
    groups: { pooled, own, serving: (pairId) => sets[partOf.get(pairId) ?? 0]! },
    infer(features, rows, only, pairs) {
      if (rows > maxRows) throw new RangeError(`${rows} rows in a set for ${maxRows}`);
      if (pairs === undefined) throw new Error(`models ${pooled.version} have groups: no pairs of the rows`);
      for (let row = 0; row < rows; row++) rowsOf.part[row] = partOf.get(pairs[row]!) ?? 0;
      return rowsOf.score(features, rows, only, 0);
    },
    async release() {
      for (const set of sets) await set.release();
    },
  };
}

/** Scores the rows of a batch set by set. */
class RowGroups {
  /** Index of the set of each row. */
  readonly part: Int32Array;
  readonly #sets: readonly ModelSet[];
  readonly #columns: number;
  /** Rows of one set, one behind the other, and their places in the batch. */
  readonly #features: Float32Array;
  readonly #places: Int32Array;
  readonly #scores: BatchScores;
  /** The batch that was scored last. */
  #batch: Float32Array;

  constructor(sets: readonly ModelSet[], maxRows: number, columns: number) {
    this.#sets = sets;
    this.#columns = columns;
    this.part = new Int32Array(maxRows);
    this.#places = new Int32Array(maxRows);
    this.#features = new Float32Array(maxRows * columns);
    this.#batch = this.#features;
    const column = (): Float64Array => new Float64Array(maxRows);
    this.#scores = {
      return_prob: column(),
      risk_prob: column(),
      risk_score: column(),
      position_scale: column(),
      result_sigmas: column(),
      ...(sets.some(({ novelty }) => novelty !== undefined) && { novelty: (row: number) => this.#noveltyOf(row) }),
    };
  }

  /** @param from first set that has not scored its rows; a promise from the first one that answers by a promise */
  score(
    features: Float32Array,
    rows: number,
    only: readonly BundleModel[] | undefined,
    from: number,
  ): BatchScores | Promise<BatchScores> {
    this.#batch = features;
    for (let part = from; part < this.#sets.length; part++) {
      const count = this.#gather(features, rows, part);
      if (count === 0) continue;
      const answers = this.#sets[part]!.infer(this.#features, count, only);
      if (answers instanceof Promise) return this.#scoreLater(answers, count, features, rows, only, part);
      this.#scatter(answers, count);
    }
    return this.#scores;
  }

  async #scoreLater(
    answers: Promise<BatchScores>,
    count: number,
    features: Float32Array,
    rows: number,
    only: readonly BundleModel[] | undefined,
    part: number,
  ): Promise<BatchScores> {
    this.#scatter(await answers, count);
    return this.score(features, rows, only, part + 1);
  }

  /** By the description of the set of the row's pair. */
  #noveltyOf(row: number): number {
    const { novelty, schema } = this.#sets[this.part[row]!]!;
    if (novelty === undefined) return NaN;
    const end = (row + 1) * this.#columns;
    return novelty.of(this.#batch, end - schema.definitions.length);
  }

  #gather(features: Float32Array, rows: number, part: number): number {
    const columns = this.#columns;
    let count = 0;
    for (let row = 0; row < rows; row++) {
      if (this.part[row] !== part) continue;
      const to = count * columns;
      const at = row * columns;
      for (let i = 0; i < columns; i++) this.#features[to + i] = features[at + i]!;
      this.#places[count++] = row;
    }
    return count;
  }

  #scatter(answers: BatchScores, count: number): void {
    const scores = this.#scores;
    for (let i = 0; i < count; i++) {
      const row = this.#places[i]!;
      scores.return_prob[row] = answers.return_prob[i]!;
      scores.risk_prob[row] = answers.risk_prob[i]!;
      scores.risk_score[row] = answers.risk_score[i]!;
      scores.position_scale[row] = answers.position_scale[i]!;
      scores.result_sigmas[row] = answers.result_sigmas[i]!;
    }
  }
}
