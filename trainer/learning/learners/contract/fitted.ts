import type { Link, Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { GraphPart } from './graph_part.ts';

/**
 * Scores before the link, [answers][rows], in the float32 numbers that serving computes. The link makes the answers of
 * them: where a model has probabilities alone, they are the logits of these, or of classes the logarithms, kept
 * `LEAST` away from those of 0 and 1.
 */
export type Margins = (x: Matrix) => Float32Array[];

/** Where the nodes of a model stand in a graph. */
export interface GraphPlace {
  /** Name of the float32 features, [N, columns], or [N, bars, columns] of a model of several bars. */
  readonly input: string;
  /** Name of the float32 answers, [N, answers]. */
  readonly output: string;
  /** Put before the names of all other values and of all nodes. */
  readonly prefix: string;
}

/** What is written beside the graph. */
export interface OnnxFacts {
  /** Key/value properties of the model, written in the order of their keys. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Training rows, from which a model may record what explanations need (cover of the nodes of a tree). */
  readonly trained?: Matrix;
}

/** Margins are multiplied and shifted, one number of each per answer. */
export interface MarginScaling {
  readonly slope: readonly number[];
  readonly intercept: readonly number[];
}

/** What was seen after an epoch of a network. */
export interface Epoch {
  /** Mean over the rows that were learned from. */
  readonly loss: number;
  /** Mean over the rows that the number of epochs was chosen on; null without any. */
  readonly stopping_loss: number | null;
  /** Share of predictions above one half. */
  readonly positive_share: number;
}

/** The same of a network of classes. */
export interface ClassEpoch extends Omit<Epoch, 'positive_share'> {
  /** Share of the predictions of which each class is the likeliest, [classes]. */
  readonly class_shares: readonly number[];
}

/** What a learner has learned. It does not change. */
export interface Fitted {
  /** Name of the learner. */
  readonly learner: string;
  /** Columns of its input. */
  readonly columns: number;
  /** Bars whose features it gets together, the oldest first; absent: those of one bar alone. */
  readonly bars?: number;
  /** How margins become answers. Of a model of classes it is the softmax over them. */
  readonly link: Link;
  /** Answers per row: of a model of classes as many as these. */
  readonly width: number;
  /** Number of steps kept: trees, or epochs; null where there is nothing to count. */
  readonly iterations: number | null;
  /** Of a network: in order, also those after the best one. */
  readonly epochs?: readonly Epoch[] | undefined;
  /** In place of `epochs` of a network of classes. */
  readonly classEpochs?: readonly ClassEpoch[] | undefined;
  openMargins(): Margins;
  /** Answers, [rows × answers] by row: probabilities are bit for bit those that serving computes. */
  answers(x: Matrix): Float64Array;
  /** Answers in float64, [rows × answers]: the reference that the graph must meet within 1e-5. */
  exactAnswers(x: Matrix): Float64Array;
  /**
   * The model with other margins: Platt scaling, vector scaling.
   * @throws RangeError when the link is the identity, or numbers are missing or not finite, or a slope is not above 0
   */
  withMargins(scaling: MarginScaling): Fitted;
  /** For each column how often the model uses it (nodes that split, coefficients); 0 = it cannot change an answer. */
  columnUses(): Int32Array;
  /**
   * What computes the answers, as a part of a graph: our own nodes are of opset 15 and ai.onnx.ml 3.
   * @throws MinutehandError LEARNER_TASK for a model that cannot be a part
   */
  graph(place: GraphPlace): GraphPart;
  /** An ONNX file: input `features`, output `score`. The same model and facts give the same bytes. */
  toOnnx(facts: OnnxFacts): Uint8Array;
}

/** Bars whose features the model gets together. */
export function barsOf({ bars = 1 }: Pick<Fitted, 'bars'>): number {
  return bars;
}
