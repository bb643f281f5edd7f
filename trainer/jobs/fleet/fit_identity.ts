import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
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

/** What a model was fitted for: its task, and the hashes of what it was made from. */
const originSchema = z.object({ key: z.string(), inputs: z.record(z.string(), z.string()) });
export type FitOrigin = Readonly<z.infer<typeof originSchema>>;

const factsSchema = z.object({
  link: z.enum(['sigmoid', 'softmax', 'identity']),
  ensembles: z.array(z.object({ columns: z.int().min(0), baseScore: z.number().nullable(), trees: z.int().min(0) })),
  origin: originSchema.optional(),
});
type ModelFacts = z.infer<typeof factsSchema>;

/** A model as bytes, to the bit. @param origin of a result; absent of a model that is an input */
export function packModel({ link, ensembles }: TreeModel, origin?: FitOrigin): Uint8Array {
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
    ...(origin !== undefined && { origin }),
  };
  return packArrays(facts, arrays);
}

/** @throws MinutehandError BLOB_DAMAGED */
export function unpackModel(bytes: Uint8Array): TreeModel {
  return modelOf(bytes).model;
}

/**
 * The model that a worker has made for a task. A worker, or whoever can write to the blobs, is believed nothing: the
 * result must name this task and the hashes of its inputs, and have the form that its parameters allow.
 * @throws MinutehandError BLOB_DAMAGED
 */
export function unpackFit(bytes: Uint8Array, identity: FitIdentity, { params, base }: FitTask): TreeModel {
  const { model, origin } = modelOf(bytes);
  const key = keyOf(identity);
  if (origin === undefined) throw damaged(`the result of task ${key} does not say what it was made from`);
  if (origin.key !== key || canonicalJson(origin.inputs) !== canonicalJson(identity.inputs))
    throw damaged(`the result of task ${key} was made for ${origin.key}`);
  for (const [index, { columns, trees }] of model.ensembles.entries()) {
    const before = base?.ensembles[index]?.trees.length ?? 0;
    if (columns !== identity.columns) throw damaged(`a model of ${columns} columns, expected ${identity.columns}`);
    if (trees.length > before + params.rounds)
      throw damaged(`${trees.length} trees, expected at most ${before + params.rounds}`);
    for (const tree of trees) checkTree(tree, columns);
  }
  return model;
}

/** A tree in which every row ends at a leaf, in steps that end. @throws MinutehandError BLOB_DAMAGED */
function checkTree(tree: Tree, columns: number): void {
  const { feature, left, right } = tree;
  const nodes = feature.length;
  if (nodes === 0 || TREE_ARRAYS.some((name) => tree[name] !== undefined && tree[name].length !== nodes))
    throw damaged('a tree whose arrays have different lengths');
  const isSeen = new Uint8Array(nodes);
  const open = [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (!(node >= 0 && node < nodes) || isSeen[node] === 1) throw damaged(`a tree that leads to node ${node} wrongly`);
    isSeen[node] = 1;
    if (feature[node]! < 0) continue;
    if (feature[node]! >= columns) throw damaged(`a split on column ${feature[node]!} of ${columns}`);
    open.push(left[node]!, right[node]!);
  }
}

function damaged(seen: string): MinutehandError {
  return new MinutehandError('BLOB_DAMAGED', { seen });
}

function modelOf(bytes: Uint8Array): { readonly model: TreeModel; readonly origin: FitOrigin | undefined } {
  const { facts, arrays } = unpackArrays(bytes);
  const parsed = factsSchema.safeParse(facts);
  if (!parsed.success) throw damaged(`a model: ${parsed.error.issues[0]!.message}`);
  const { link, ensembles, origin } = parsed.data;
  const required = TREE_ARRAYS.filter((name) => name !== 'cover');
  const trees = ensembles.flatMap(({ trees: count }, e) => Array.from({ length: count }, (_, t) => `${e}/${t}`));
  const missing = trees.find((tree) => required.some((name) => arrays[`${tree}/${name}`] === undefined));
  if (missing !== undefined) throw damaged(`a model without the tree ${missing}`);
  if (arrays['base']?.length !== ensembles.length) throw damaged('a model without its base scores');
  const model: TreeModel = {
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
  return { model, origin };
}
