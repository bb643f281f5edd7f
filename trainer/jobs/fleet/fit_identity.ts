import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import type { Engine } from '../../../shared/policy/engines.ts';
import type { Blobs, ContentHash } from '../../../shared/blob/blobs.ts';
import { packArrays, unpackArrays, type PackedArray } from '../../../shared/blob/packed_arrays.ts';
import type { Tree, TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { packageManifest } from '../../../shared/root.ts';
import { codeHash } from './own_code.ts';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import type { FleetIdentity } from './fleet_identity.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

/** A fit as data: what a worker reads to do it, and what its key is the hash of. */
export interface FitIdentity {
  readonly kind: 'fit';
  /** Hash of each array and of the model to continue. */
  readonly inputs: Readonly<Record<string, ContentHash>>;
  readonly columns: number;
  readonly rows: number;
  readonly parameters: Pick<FitTask, 'engine' | 'task' | 'params' | 'stopsEarly'>;
  /** Hash of the compiled program that learns. */
  readonly code: string;
  /** null where equal inputs give equal bits on any machine; else what they depend on as well. */
  readonly environment: string | null;
}

/** Arrays that are in memory, so that each is hashed and stored once. */
export type KnownArrays = WeakMap<object, Promise<ContentHash>>;

/** Engines whose models do not depend on the machine (`determinism: 'any_machine'` of `tree_learners.ts`). */
const ANY_MACHINE: readonly Engine[] = ['gbdt', 'random_forest'];

/** That of this process. */
export function ownIdentity(): FleetIdentity {
  return {
    version: packageManifest().version,
    code: codeHash(),
    node: Number(process.versions.node.split('.')[0]),
    architecture: process.arch,
  };
}

/** Stores the arrays of a fit that are not known yet. */
export async function identityOf(
  { engine, task, rows, subset, params, stopsEarly, base, stopping }: FitTask,
  blobs: Blobs,
  known: KnownArrays,
): Promise<FitIdentity> {
  const put = (array: PackedArray): Promise<ContentHash> => {
    const found = known.get(array) ?? blobs.put(packArrays(null, { array }));
    known.set(array, found);
    return found;
  };
  const arrays: Record<string, PackedArray> = {
    x: rows.x.values,
    y: rows.y,
    time: rows.time,
    labelEnd: rows.labelEnd,
    weights: rows.weights,
    subset,
    ...(stopping !== undefined && { stopping }),
  };
  const inputs: Record<string, ContentHash> = {};
  for (const [name, array] of Object.entries(arrays)) inputs[name] = await put(array);
  if (base !== undefined && base !== null) inputs['base'] = await blobs.put(packModel(base));
  const { code, node, architecture } = ownIdentity();
  return {
    kind: 'fit',
    inputs,
    columns: rows.x.columns,
    rows: rows.x.rows,
    parameters: { engine, task, params, stopsEarly },
    code,
    environment: ANY_MACHINE.includes(engine) ? null : `node ${node} ${architecture}`,
  };
}

/** Never part of it: worker, path, clock, priority, number of threads. */
export function keyOf(identity: FitIdentity): string {
  return sha256Hex(canonicalJson(identity));
}

/** @param arrayOf an array by its hash */
export async function taskOf(
  { inputs, columns, rows, parameters }: FitIdentity,
  arrayOf: (hash: ContentHash) => Promise<PackedArray>,
  blobs: Blobs,
): Promise<FitTask> {
  const { base, stopping } = inputs;
  const numbers = async (name: string): Promise<Float64Array> => (await arrayOf(inputs[name]!)) as Float64Array;
  return {
    ...parameters,
    rows: {
      x: { rows, columns, values: (await arrayOf(inputs['x']!)) as Float32Array },
      y: await numbers('y'),
      time: await numbers('time'),
      labelEnd: await numbers('labelEnd'),
      weights: await numbers('weights'),
    },
    subset: (await arrayOf(inputs['subset']!)) as Int32Array,
    ...(stopping !== undefined && { stopping: (await arrayOf(stopping)) as Int32Array }),
    ...(base !== undefined && { base: unpackModel(await blobs.get(base)) }),
  };
}

const TREE_ARRAYS = ['feature', 'threshold', 'left', 'right', 'missingLeft', 'value', 'cover'] as const;

interface ModelFacts {
  readonly link: TreeModel['link'];
  readonly ensembles: readonly { columns: number; baseScore: number; trees: number }[];
}

/** A model as bytes, to the bit. */
export function packModel({ link, ensembles }: TreeModel): Uint8Array {
  const arrays: Record<string, PackedArray> = {};
  // A base score is a float32 number: JSON gives it back, but not −0.
  arrays['base'] = Float32Array.from(ensembles, ({ baseScore }) => baseScore);
  ensembles.forEach(({ trees }, e) => {
    trees.forEach((tree, t) => {
      for (const name of TREE_ARRAYS) if (tree[name] !== undefined) arrays[`${e}/${t}/${name}`] = tree[name];
    });
  });
  const facts: ModelFacts = {
    link,
    ensembles: ensembles.map(({ columns, baseScore, trees }) => ({ columns, baseScore, trees: trees.length })),
  };
  return packArrays(facts, arrays);
}

/** @throws MinutehandError BLOB_DAMAGED */
export function unpackModel(bytes: Uint8Array): TreeModel {
  const { facts, arrays } = unpackArrays(bytes);
  const { link, ensembles } = facts as ModelFacts;
  return {
    link,
    ensembles: ensembles.map(({ columns, trees }, e) => ({
      columns,
      baseScore: arrays['base']![e]!,
      trees: Array.from({ length: trees }, (_, t): Tree => {
        const entries = TREE_ARRAYS.flatMap((name) => {
          const array = arrays[`${e}/${t}/${name}`];
          return array === undefined ? [] : [[name, array] as const];
        });
        return Object.fromEntries(entries) as unknown as Tree;
      }),
    })),
  };
}
