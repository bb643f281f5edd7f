import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitRequest } from '../contract/learner.ts';

/** What a league may compare and nothing can serve: it has no ONNX file, so no bundle is ever made of it. */
export interface ComparisonLearner {
  readonly name: string;
  /** Rows that it learns from at most, evenly spaced in those it is given. */
  readonly rowLimit: number;
  /** Learns as `Learner.fit`. */
  fit(request: ComparisonRequest): Promise<ComparisonModel>;
}

export type ComparisonRequest = Pick<FitRequest, 'rows' | 'subset' | 'columns' | 'seed'>;

export interface ComparisonModel {
  /** The probability of each row, [rows]. @throws MinutehandError LEARNER_FAILED, LEARNER_MEMORY */
  answers(x: Matrix): Promise<Float64Array>;
}

/** What a comparison says about itself, and what opens it. */
export interface ComparisonDefinition {
  readonly name: string;
  /** Order of simplicity, behind all learners. */
  readonly complexity: number;
  /** @throws MinutehandError LEARNER_MISSING */
  refuseMissing(): void;
  open(setup: {
    readonly columnNames: readonly string[];
    readonly device?: 'cpu' | 'gpu' | undefined;
  }): ComparisonLearner;
}
