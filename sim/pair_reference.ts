import { isHeartbeat, type AnsweredMinute, type PairMinute } from '../daemon/align/minute.ts';
import { expectedNovelty } from '../shared/bundle/input_novelty.oracle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { pairFillCostBps, quotedBps, type PairFillCosts } from '../shared/core/cost/fill_cost.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import { pairCosts, tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy, type Settings, type SymbolCosts } from '../shared/policy/policy.ts';
import { expectedAnswer, NO_POSITION, type ExpectedPosition } from './expected_answer.ts';
import type { KnownOthers } from './known_others.ts';
import type { ReferenceModels } from './reference_models.ts';
import type { Asked, ReferenceAnswer, SubjectReference } from './subject_reference.ts';

/** What a bundle with some formulas scores of a pair. */
interface Columns {
  readonly schema: FeatureSchema;
  readonly features: PairFeatures;
  /** Whether a bar of another symbol is missing at the last bar. */
  lacksOther: boolean;
}

export interface PairReferenceOptions {
  readonly pair: Pair;
  readonly settings: Settings;
  readonly models: ReferenceModels;
  /** Versions of models that have answered. */
  readonly versions: readonly string[];
  readonly others: Pick<KnownOthers, 'valueAt'>;
  /** Names an interesting state. */
  note(name: string): void;
}

/** Reference run of a pair: features stepped over all bars, answers by `expected_answer.ts`. */
export class PairReference implements SubjectReference {
  readonly flat = JSON.stringify(NO_POSITION);
  readonly #pair: Pair;
  readonly #settings: Settings;
  readonly #models: ReferenceModels;
  readonly #note: (name: string) => void;
  readonly #others: Pick<KnownOthers, 'valueAt'>;
  readonly #policy: ReturnType<typeof decisionPolicy>;
  readonly #costs: PairFillCosts & { readonly a: SymbolCosts; readonly b: SymbolCosts };
  /** By the formulas of a bundle; empty: none. */
  readonly #columns: ReadonlyMap<string, Columns>;

  constructor({ pair, settings, models, versions, others, note }: PairReferenceOptions) {
    this.#pair = pair;
    this.#settings = settings;
    this.#models = models;
    this.#note = note;
    this.#others = others;
    this.#policy = decisionPolicy(settings);
    this.#costs = pairCosts(tradingCosts(settings), pair);
    const { windows } = settings.minutehand;
    const formulas = new Set(['', ...versions.map((version) => this.#formulasOf(version))]);
    this.#columns = new Map(
      [...formulas].map((own) => {
        const schema = featureSchema(own === '' ? windows : { ...windows, formulas: own });
        return [own, { schema, features: new PairFeatures(schema.windows, pair), lacksOther: false }];
      }),
    );
  }

  values(version: string): Float64Array {
    return this.#columnsOf(version).features.values;
  }

  #columnsOf(version: string): Columns {
    return this.#columns.get(this.#formulasOf(version))!;
  }

  /** Empty: none. */
  #formulasOf(version: string): string {
    return version === '' ? '' : (this.#models.whole(version).schema.windows.formulas ?? '');
  }

  step({ time, a, b }: PairMinute): void {
    for (const columns of this.#columns.values()) {
      const { features } = columns;
      const others = features.others.map((source) => this.#others.valueAt(source, time));
      columns.lacksOther = others.some(Number.isNaN);
      features.step(a!, b!, null, Float64Array.from(others));
    }
  }

  /** The models of the pair's group; else the pooled ones. */
  #modelsOf(version: string): ModelSet {
    const { id } = this.#pair;
    const own = this.#models.group(version, id);
    const whole = this.#models.whole(version);
    if (own !== null) this.#note('pair scored by the models of its group');
    else if (whole.groups !== undefined) this.#note('pair of no group beside groups');
    return own ?? whole.groups?.pooled ?? whole;
  }

  /** The answer that must be given to a minute, by the documents. */
  answer(minute: AnsweredMinute, { version, isDegraded, isHalted, position, idOf }: Asked): ReferenceAnswer {
    const models = version === '' ? null : this.#modelsOf(version);
    const whole = version === '' ? null : this.#models.whole(version);
    const { schema, features, lacksOther } = this.#columnsOf(version);
    const isScored = features.ready && models !== null && (minute.outcome === 'COMPLETE' || isHeartbeat(minute));
    const row = new Float32Array(schema.definitions.length);
    if (isScored) features.writeRow(row, 0);
    if (isScored && features.others.length > 0) this.#note('pair scored with another symbol');
    if (isScored && lacksOther) this.#note('pair scored without the bar of another symbol');
    const scores = isScored ? atOnce(models.infer(row, 1)) : null;
    const { frame } = features;
    return expectedAnswer({
      id: this.#pair.id,
      symbols: [this.#pair.a, this.#pair.b],
      time: minute.time,
      outcome: minute.outcome,
      isLastResort: isHeartbeat(minute) && minute.isHalted,
      closes: [minute.a?.close ?? null, minute.b?.close ?? null],
      isWarm: features.ready,
      bar: { ...frame, closeA: frame.a.close, closeB: frame.b.close },
      noEntryWindows: this.#settings.core.no_entry_windows,
      policy: this.#policy,
      policyHash: this.#settings.policyHash,
      models: models === null ? null : { version, theta1: models.theta1, theta2: models.theta2 },
      hasEdge: whole?.hasEdge(this.#pair.id) ?? false,
      scores: scores === null ? null : { ...firstOf(scores), ...noveltyOf(models!, row, schema) },
      fillCostBps: pairFillCostBps(this.#costs, frame.beta, minute.time + 60, quotedBps(frame.a), quotedBps(frame.b)),
      swaps: [this.#costs.a, this.#costs.b],
      barSeconds: barSecondsOf(this.#pair),
      isHalted,
      isDegraded,
      position: JSON.parse(position) as ExpectedPosition,
      signalId: idOf(whole?.modelsHash ?? 'none'),
      featureSchema: schema.hash,
    });
  }
}

function firstOf(scores: BatchScores): { return_prob: number; risk_score: number; position_scale: number } {
  const { return_prob, risk_score, position_scale } = scores;
  return { return_prob: return_prob[0]!, risk_score: risk_score[0]!, position_scale: position_scale[0]! };
}

/** By the slow reference, from the description in the manifest. */
function noveltyOf({ manifest }: ModelSet, row: Float32Array, { definitions }: FeatureSchema): { novelty?: number } {
  if (manifest.inputs === undefined) return {};
  const values = Object.fromEntries(definitions.map(({ name }, column) => [name, row[column]!]));
  return { novelty: expectedNovelty(manifest.inputs, values) };
}

function atOnce<T>(scores: T | Promise<T>): T {
  if (scores instanceof Promise) throw new TypeError('models of a simulation answer at once');
  return scores;
}
