import type { GateCode, GateRole } from '../../../shared/bundle/gates/gate_codes.ts';
import type { Evidence, GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { Manifest, ModelMetrics, PairEdge, Skill } from '../../../shared/bundle/manifest.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { RetrainPolicy } from '../../../shared/policy/schema.ts';
import type { ModelJob } from '../learners/model_job.ts';
import type { TimedRows } from '../statistics/time_blocks.ts';
import type { Validated } from '../validate/validation.ts';

/** One gate, as it is documented (docs/reference/GATES.md) and checked. Its words are in the catalogs. */
export interface Gate<Measured> {
  /** With what it judges: `PAIR_GATES`, `ADOPTION_GATES` of shared/bundle/gates/gate_codes.ts. */
  readonly code: GateCode;
  /** What the gate vetoes. */
  readonly vetoes: string;
  /** Key of the limit in retrain_policy.yaml, or a fixed limit. */
  readonly threshold: { readonly key: keyof Settings['retrain'] } | { readonly fixed: string };
  /** @returns the result, or null if there is nothing to check */
  check(evidence: Measured, role: GateRole | null): GateResult | null;
}

/** Measurements of a training run for its bundle. */
export interface BundleEvidence {
  readonly models: Readonly<Record<ModelName, ModelEvidence>>;
  /** Risk scores of the holdout's entry candidates. */
  readonly candidateRisks: Float64Array;
  /** Their times, and when their labels were known. */
  readonly candidates: TimedRows;
  readonly theta2: number;
  readonly executability: NonNullable<Manifest['executability']>;
  /** Edge of each pair on the holdout. */
  readonly edge: Manifest['edge'];
  /** Of AI1; null where it cannot be measured. */
  readonly skill: Skill | null;
  /** The holdout with the columns from outside the bars one bar later; null without any. */
  readonly delayed: Delayed | null;
  /** Whether only pairs with an edge would trade. */
  readonly requireEdge: boolean;
  /** Results of the leakage tests of features and labels. */
  readonly leakage: readonly GateResult[];
  /** Columns of a feature table whose values are not those that the daemon computes. */
  readonly outsideColumns: readonly string[];
  readonly limits: Settings['retrain'];
}

/** Measurements of a training run for one model. */
export interface ModelEvidence {
  readonly job: Pick<ModelJob, 'name' | 'samples' | 'rows'>;
  readonly validation: Validated;
  /** Results of the leakage tests of its learning. */
  readonly leakage: readonly GateResult[];
}

/** Results of a written bundle before it becomes active. */
export interface AdoptionEvidence {
  /** What the verdicts are about: null for a bundle of pairs as a whole. */
  readonly role: Extract<GateRole, 'direction'> | null;
  readonly golden: GateResult;
  /** null for a bundle that does not load. */
  readonly comparison: Comparison | null;
  readonly limits: AdoptionLimits;
}

export type Comparison =
  /** No champion; `reason` of the evidence says why. */
  | { readonly kind: 'none'; readonly evidence: Evidence }
  /** Too few rows that neither side was trained on. */
  | { readonly kind: 'refused'; readonly result: GateResult }
  | {
      readonly kind: 'compared';
      readonly champion: Compared;
      readonly challenger: Compared;
      readonly brierLoss: BrierLoss;
      /** First bar of both, ISO 8601. */
      readonly since: string;
    };

/** Adoption limits: retrain_policy.yaml. */
export type AdoptionLimits = Pick<
  RetrainPolicy,
  'adopt_min_auc' | 'adopt_min_candidates' | 'adopt_min_sharpe_ratio' | 'adopt_min_sharpe_gain' | 'adopt_max_auc_loss'
>;

/** Share of models at a limit that a gate with an error vetoes. */
export const VETO_LEVEL = 0.02;

/** Results by pair. */
export type Edges = Readonly<Record<string, PairEdge>>;

/** The holdout again, with the columns from outside one bar later. */
export interface Delayed {
  readonly columns: readonly string[];
  readonly edge: Edges;
}

/** Trading result of one side of a comparison. `net_sharpe` is null without trades, or without two different days. */
export interface ComparedTrading {
  readonly net_sharpe: number | null;
  readonly trades: number;
}

/**
 * Figures of each side of a comparison, on the same rows. Each strategy fills them: pairs with the answers of AI1 to
 * entry candidates, direction with the probabilities of up, down and range.
 */
export interface Compared {
  readonly version: string;
  /** Of the probabilities. */
  readonly scores: Pick<ModelMetrics, 'auc' | 'brier'>;
  /** The trades as if every subject had an edge. */
  readonly all: ComparedTrading;
  /** Those of the subjects with an edge, as the daemon publishes them. */
  readonly withEdge: ComparedTrading;
}

/** Brier score of the challenger minus that of the champion, on the same rows. */
export interface BrierLoss {
  /** null without rows. */
  readonly mean: number | null;
  /**
   * The largest difference of equal models: Student's t, one-sided 5 %, over blocks of time. Infinity for few blocks.
   */
  readonly chance: number;
}
