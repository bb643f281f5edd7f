import { readModel } from './onnx/read_model.ts';
import type { OnnxModel } from './onnx/schema.ts';
import { treeGraphOf, type TreeGraph } from './onnx/tree_graph.ts';
import type { TreeEnsemble } from './onnx/tree_ensemble.ts';
import { Unreadable } from './onnx/unreadable.ts';
import { openOwnGraph } from './own_graph/open_own_graph.ts';
import type { OwnGraph } from './own_graph/own_graph.ts';
import { OWN_GRAPH, ownGraphOf } from './own_graph/read_own_graph.ts';
import { packTrees, type PackedTrees } from './tree_kernel/pack.ts';
import { openTreeKernel } from './tree_kernel/tree_kernel.ts';

/** A model of single rows that our own code scores, at once and without a promise. Plain data. */
export type OwnModel =
  | { readonly engine: 'wasm-simd'; readonly packed: PackedTrees }
  | { readonly engine: 'own-graph'; readonly graph: OwnGraph };

export interface ReadOwnModel {
  readonly model: OwnModel;
  /** Columns of the features. */
  readonly columns: number;
  /** Answers per row. */
  readonly width: number;
  /** Its trees as they were written. */
  readonly ensembles: readonly TreeEnsemble[];
}

/**
 * Trees alone, or trees and arithmetic around them.
 * @throws MinutehandError MODEL_LOAD for another graph; it names what was seen
 */
export function readOwnModel(bytes: Uint8Array, pack: typeof packTrees = packTrees): ReadOwnModel {
  return readModel(bytes, OWN_GRAPH, (decoded) => {
    const trees = treesAlone(decoded);
    if (trees !== null) {
      const { ensemble, link, sums } = trees;
      const packed = pack(ensemble, link, sums);
      return { model: { engine: 'wasm-simd', packed }, columns: ensemble.columns, width: 1, ensembles: [ensemble] };
    }
    const { graph, ensembles } = ownGraphOf(decoded, pack);
    const model: OwnModel = { engine: 'own-graph', graph };
    return { model, columns: graph.columns, width: answersPerRow(model), ensembles };
  });
}

function treesAlone(decoded: OnnxModel): TreeGraph | null {
  try {
    return treeGraphOf(decoded);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

/** The trees of the model, for the kernel. */
export function packedTreesOf(model: OwnModel): readonly PackedTrees[] {
  return model.engine === 'wasm-simd' ? [model.packed] : model.graph.trees;
}

export function answersPerRow(model: OwnModel): number {
  return model.engine === 'wasm-simd' ? 1 : model.graph.widths[model.graph.answer]!;
}

/** Scores the first rows of features: [at least rows × answers per row], by row, until the next call. */
export type ScoreRows = (features: Float32Array, rows: number) => Float32Array;

/**
 * Opens the model with a kernel for its trees alone.
 * @param maxRows of one call
 * @throws MinutehandError KERNEL_MISSING
 */
export function openOwnModel(model: OwnModel, maxRows: number): ScoreRows {
  const packed = packedTreesOf(model);
  const kernel = packed.length === 0 ? null : openTreeKernel(packed, maxRows);
  if (model.engine === 'wasm-simd')
    return (features, rows) => {
      kernel!.score(features, rows);
      return kernel!.answers[0]!;
    };
  const opened = openOwnGraph(model.graph, kernel?.answers ?? [], maxRows);
  return (features, rows) => {
    kernel?.score(features, rows);
    opened.compute(features, rows);
    return opened.answers;
  };
}
