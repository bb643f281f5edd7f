import { isHeartbeat, type AnsweredMinute, type PairMinute } from '../daemon/align/minute.ts';
import { expectedNovelty } from '../shared/bundle/input_novelty.oracle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { pairFillCostBps, quotedBps, type PairFillCosts } from '../shared/core/cost/fill_cost.ts';
import { PairFeatures } from '../shared/core/features/features.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import { pairCosts, tradingCosts } from '../shared/policy/costs.ts';
import { decisionPolicy, type Settings, type SymbolCosts } from '../shared/policy/policy.ts';
import { expectedAnswer, NO_POSITION, type ExpectedPosition, type Situation } from './expected_answer.ts';
import { expectedPairRuleAnswer, type ExpectedRulePosition } from './expected_pair_rule.ts';
import type { KnownOthers } from './known_others.ts';
import type { ReferenceModels } from './reference_models.ts';
import { ruleVersion, type RuleArchive } from './rules.ts';
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
  readonly rules: Pick<RuleArchive, 'ofPair'>;
  /** Versions of models and rules that have answered. */
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
  readonly #rules: Pick<RuleArchive, 'ofPair'>;
  readonly #note: (name: string) => void;
  readonly #others: Pick<KnownOthers, 'valueAt'>;
  readonly #policy: ReturnType<typeof decisionPolicy>;
  readonly #costs: PairFillCosts & { readonly a: SymbolCosts; readonly b: SymbolCosts };
  /** By the formulas of a bundle; empty: none. */
  readonly #columns: ReadonlyMap<string, Columns>;
  /** Close of leg A over that of leg B, of all complete bars. */
  readonly #ratios: number[] = [];

  constructor({ pair, settings, models, rules, versions, others, note }: PairReferenceOptions) {
    this.#pair = pair;
    this.#settings = settings;
    this.#models = models;
    this.#rules = rules;
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
    // A rule reads the hand-written features alone.
    if (version === '' || ruleVersion(version) !== null) return '';
    return this.#models.whole(version).schema.windows.formulas ?? '';
  }

  step({ time, a, b }: PairMinute): void {
    for (const columns of this.#columns.values()) {
      const { features } = columns;
      const others = features.others.map((source) => this.#others.valueAt(source, time));
      columns.lacksOther = others.some(Number.isNaN);
      features.step(a!, b!, null, Float64Array.from(others));
    }
    this.#ratios.push(a!.close / b!.close);
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

  answer(minute: AnsweredMinute, asked: Asked): ReferenceAnswer {
    const rule = ruleVersion(asked.version);
    return rule === null ? this.#byModels(minute, asked) : this.#byRule(minute, asked, rule);
  }

  /** The answer that a rule must give to a minute, by the documents. */
  #byRule(minute: AnsweredMinute, asked: Asked, version: string): ReferenceAnswer {
    const { model, strategy } = this.#rules.ofPair(version);
    const { schema, features } = this.#columnsOf('');
    const answer = expectedPairRuleAnswer({
      ...this.#seenAt(minute, features),
      version,
      strategy,
      isDegraded: asked.isDegraded,
      hasEdge: !model.manifest.edge.no_edge,
      ratios: this.#ratios,
      arm: asked.arm,
      position: JSON.parse(asked.position) as ExpectedRulePosition,
      signalId: asked.idOf(model.modelsHash),
      featureSchema: schema.hash,
    });
    return { ...answer, met: [] };
  }

  /** What does not depend on who answers. */
  #seenAt(minute: AnsweredMinute, { ready, frame }: PairFeatures) {
    return {
      id: this.#pair.id,
      symbols: [this.#pair.a, this.#pair.b],
      time: minute.time,
      outcome: minute.outcome,
      isLastResort: isHeartbeat(minute) && minute.isHalted,
      closes: [minute.a?.close ?? null, minute.b?.close ?? null],
      isWarm: ready,
      bar: { ...frame, closeA: frame.a.close, closeB: frame.b.close },
      noEntryWindows: this.#settings.core.no_entry_windows,
      policy: this.#policy,
      policyHash: this.#settings.policyHash,
    } satisfies Partial<Situation>;
  }

  /** The answer that models must give to a minute, by the documents. */
  #byModels(minute: AnsweredMinute, { version, isDegraded, isHalted, position, idOf }: Asked): ReferenceAnswer {
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
      ...this.#seenAt(minute, features),
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
