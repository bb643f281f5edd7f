import { join } from 'node:path';
import { MODEL_NAMES, type ModelName } from '../core/features/feature.ts';

// Apart from the manifest's schema: threads that score need no schema library, which takes 50 ms to load.

export const MODEL_FILES = { ai1: 'ai1.onnx', ai2: 'ai2.onnx', ai3: 'ai3.onnx' } as const;
/** The model of the result, in a bundle that was trained with `--target net`. */
export const NET_FILE = 'net.onnx';

/** The models of a bundle: the three of every one, and that of the result where it was trained. */
export type BundleModel = ModelName | 'net';

export function bundleModels({ files }: { readonly files: { readonly [NET_FILE]?: unknown } }): readonly BundleModel[] {
  return files[NET_FILE] === undefined ? MODEL_NAMES : [...MODEL_NAMES, 'net'];
}

export function modelFile(name: BundleModel): (typeof MODEL_FILES)[ModelName] | typeof NET_FILE {
  return name === 'net' ? NET_FILE : MODEL_FILES[name];
}

/** Names of `groupFile`. */
export const GROUP_FILE = /^[a-z][a-z0-9_]{0,30}\.ai[123]\.onnx$/;

/** File of a group's own model. */
export function groupFile(group: string, name: ModelName): string {
  return `${group}.${MODEL_FILES[name]}`;
}

/** Path of a model's file. @param group whose models they are; absent = pooled */
export function modelPath(folder: string, name: BundleModel, group?: string): string {
  return join(folder, group === undefined || name === 'net' ? modelFile(name) : groupFile(group, name));
}

/** Something of each model of a bundle. */
export type PerBundleModel<T> = Readonly<Record<ModelName, T>> & { readonly net?: T };

export function perBundleModel<T>(names: readonly BundleModel[], make: (name: BundleModel) => T): PerBundleModel<T> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as PerBundleModel<T>;
}

/** The golden inputs of a bundle: [golden rows × columns], NaN where they are missing. */
export function goldenFeatures(golden: { readonly features: readonly (readonly (number | null)[])[] }): Float32Array {
  return Float32Array.from(golden.features.flat(), (value) => value ?? NaN);
}
