import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeTreeModel } from '../../shared/bundle/onnx/tree_graph.ts';
import type { Tree } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { asValue, sha256, shortHash, type Value } from './values.ts';

/** Differ from one run to the next, or follow from the files. */
const UNSTABLE = ['format', 'version', 'created', 'git_commit', 'files'];

/** A bundle's models and its manifest without dates of its making. */
export function bundleValues(folder: string): Value {
  const names = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
  const models = names.sort().map((name) => [name, onnxValues(readFileSync(join(folder, name)))]);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as object;
  const stable = Object.entries(manifest).filter(([name]) => !UNSTABLE.includes(name));
  return asValue({ models: Object.fromEntries(models), manifest: Object.fromEntries(stable) });
}

/**
 * A model's hash, and a line for each tree, so that two dumps show the first tree that differs.
 */
export function onnxValues(bytes: Uint8Array): Value {
  const { model } = decodeTreeModel(bytes);
  return {
    link: model.link,
    ensembles: model.ensembles.map(({ columns, baseScore, trees }) => ({
      columns,
      base_score: baseScore,
      trees: trees.map(treeLine),
    })),
    bytes: bytes.length,
    sha256: sha256(bytes),
  };
}

/** Nodes, split of the root, hash of all that decides answers. */
function treeLine(tree: Tree): string {
  const { feature, threshold, left, right, missingLeft, value } = tree;
  const root = feature[0]! < 0 ? `leaf ${value[0]!}` : `x${feature[0]!} <= ${threshold[0]!}`;
  return `${feature.length} nodes, ${root}, ${shortHash(feature, threshold, left, right, missingLeft, value)}`;
}
