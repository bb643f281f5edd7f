import type { PackedTrees } from '../tree_kernel/pack.ts';

/**
 * A graph that our own code computes row by row: trees, which the WASM kernel scores, and the arithmetic around them,
 * as ensembles and linear models have it. Plain data, which may be passed to another thread.
 */
export interface OwnGraph {
  /** Columns of the features. */
  readonly columns: number;
  /** Models of trees, each with one answer per row: those of several targets stand one behind the other. */
  readonly trees: readonly PackedTrees[];
  /** In the order of their evaluation. */
  readonly steps: readonly Step[];
  /** Numbers per row of the result of each step. */
  readonly widths: readonly number[];
  /** The step whose result is the answer, as float32: as many numbers per row as it has. */
  readonly answer: number;
}

/** Numbers of a row: the result of an earlier step, or constants, as many as the step has or one for all. */
export type Operand = { readonly step: number } | { readonly constants: readonly number[] };

/** Operators of two operands. */
export const BINARY = ['Add', 'Sub', 'Mul', 'Div'] as const;
/** Operators of one operand. */
export const UNARY = ['Sigmoid', 'Log', 'IsNaN', 'round'] as const;

/**
 * What is computed of each row, in float64. Operators are named as in ONNX; `round` is a Cast to float32, and what is
 * true is 1.
 */
export type Step =
  /** Answers of models of trees: of the one of that index, and of those behind it, one for each number of a row. */
  | { readonly operator: 'trees'; readonly trees: number }
  /** Some columns of the features. */
  | { readonly operator: 'Gather'; readonly columns: readonly number[] }
  | { readonly operator: (typeof BINARY)[number]; readonly left: Operand; readonly right: Operand }
  | { readonly operator: (typeof UNARY)[number]; readonly of: Operand }
  | { readonly operator: 'Where'; readonly condition: Operand; readonly left: Operand; readonly right: Operand }
  /** NaN stays NaN. */
  | { readonly operator: 'Clip'; readonly of: Operand; readonly lowest: number; readonly highest: number }
  /**
   * Sums of the products of the numbers of a row with the weights of each number of the result:
   * [numbers of the row × numbers of the result], by the former.
   */
  | { readonly operator: 'MatMul'; readonly of: Operand; readonly weights: readonly number[] }
  /** The numbers of a row as shares of one, of which they are the logarithms but for a constant. */
  | { readonly operator: 'Softmax'; readonly of: Operand }
  /** The numbers of several steps one behind the other. */
  | { readonly operator: 'Concat'; readonly of: readonly Operand[] };
