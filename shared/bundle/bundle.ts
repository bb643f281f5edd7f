import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MinutehandError } from '../errors.ts';
import { BUNDLE_FORMAT, MODEL_FILES, manifestSchema, type Manifest } from './manifest.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../core/features/feature.ts';

const VERSION = /^\d{8}_\d{4}(_\d+)?$/;
const ACTIVE = 'active.json';

/** A bundle whose bytes are those its manifest names. Nothing is loaded yet. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly models: Readonly<Record<ModelName, Buffer>>;
  /** Identity of what the models decide: their hashes with the thresholds and ranks that turn scores into signals. */
  readonly modelsHash: string;
}

/**
 * Reads a bundle and checks that every file is the one that was trained.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH
 */
export function readBundle(folder: string): Bundle {
  const manifest = readManifest(folder);
  const models = perModel((name) => readModel(folder, name, manifest));
  return { folder, manifest, models, modelsHash: hashModels(manifest) };
}

/** @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
export function readManifest(folder: string): Manifest {
  const path = join(folder, 'manifest.json');
  const text = readFile(path).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path} is not JSON`, cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
  }
  return parsed.data;
}

function readModel(folder: string, name: ModelName, manifest: Manifest): Buffer {
  const file = MODEL_FILES[name];
  const bytes = readFile(join(folder, file));
  const seen = sha256Hex(bytes);
  const expected = manifest.files[file].sha256;
  if (seen !== expected)
    throw new MinutehandError('MODEL_HASH', {
      seen: `${join(folder, file)} has ${seen.slice(0, 12)}…`,
      expected: `${expected.slice(0, 12)}…`,
    });
  return bytes;
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MinutehandError('MODEL_MISSING', { seen: path, cause });
  }
}

function hashModels(manifest: Manifest): string {
  const { files, theta1, theta2, risk_knots, edge } = manifest;
  const edges = Object.entries(edge)
    .map(([pair, { no_edge }]) => [pair, no_edge])
    .sort();
  const identity = [
    files['ai1.onnx'].sha256,
    files['ai2.onnx'].sha256,
    files['ai3.onnx'].sha256,
    theta1,
    theta2,
    risk_knots,
    edges,
  ];
  return sha256Hex(JSON.stringify(identity));
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export interface BundleContent {
  readonly manifest: Omit<Manifest, 'format' | 'version' | 'created' | 'files'>;
  readonly models: Readonly<Record<ModelName, Uint8Array>>;
  readonly card: (manifest: Manifest) => string;
}

/**
 * Writes `<modelsFolder>/<yyyyMMdd_HHmm>/` (a second one in the same minute: `_2`) so that it exists whole or not at all.
 * @returns the folder
 */
export function writeBundle(modelsFolder: string, created: Date, content: BundleContent): string {
  mkdirSync(modelsFolder, { recursive: true });
  const minute = created.toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '_');
  for (let copy = 1; ; copy++) {
    const version = copy === 1 ? minute : `${minute}_${copy}`;
    const folder = join(modelsFolder, version);
    if (existsSync(folder)) continue;
    const draft = join(modelsFolder, `.${version}.${process.pid}.tmp`);
    try {
      writeDraft(draft, version, created, content);
      renameSync(draft, folder);
      return folder;
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      // Another process took the name in between: the next one is free.
      if (!existsSync(folder)) throw error;
    }
  }
}

function writeDraft(draft: string, version: string, created: Date, content: BundleContent): void {
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  const fileEntries = MODEL_NAMES.map((name) => {
    const bytes = content.models[name];
    writeDurably(join(draft, MODEL_FILES[name]), bytes);
    return [MODEL_FILES[name], { sha256: sha256Hex(bytes), bytes: bytes.length }] as const;
  });
  const files = Object.fromEntries(fileEntries) as Manifest['files'];
  const manifest: Manifest = {
    format: BUNDLE_FORMAT,
    version,
    created: created.toISOString(),
    ...content.manifest,
    files,
  };
  writeDurably(join(draft, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
  writeDurably(join(draft, 'CARD.md'), content.card(manifest));
}

/** Versions in a folder of bundles, oldest first. An absent folder has none. */
export function listVersions(modelsFolder: string): string[] {
  if (!existsSync(modelsFolder)) return [];
  return readdirSync(modelsFolder)
    .filter((name) => VERSION.test(name))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** `20261120_0730` before `20261120_0730_2`. */
function sortKey(version: string): string {
  const [day, minute, copy] = version.split('_');
  return `${day}_${minute}_${(copy ?? '1').padStart(6, '0')}`;
}

const activeSchema = z.object({ version: z.string().regex(VERSION), previous: z.string().regex(VERSION).nullable() });
export type ActivePointer = z.infer<typeof activeSchema>;

export function activePath(modelsFolder: string): string {
  return join(modelsFolder, ACTIVE);
}

/** The version in force and its predecessor; null when none was ever activated. @throws MinutehandError MODEL_MANIFEST */
export function readActive(modelsFolder: string): ActivePointer | null {
  const path = activePath(modelsFolder);
  if (!existsSync(path)) return null;
  try {
    return activeSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path} names no version`, cause });
  }
}

/**
 * Makes `version` the active one; a reader sees the old or the new pointer, never a part. A damaged pointer is replaced by one
 * without a predecessor.
 * @throws MinutehandError MODEL_MISSING
 */
export function activate(modelsFolder: string, version: string): ActivePointer {
  if (!VERSION.test(version) || !existsSync(join(modelsFolder, version, 'manifest.json')))
    throw new MinutehandError('MODEL_MISSING', { seen: join(modelsFolder, version) });
  const before = readActiveOrNull(modelsFolder);
  const previous = before === null ? null : before.version === version ? before.previous : before.version;
  const pointer: ActivePointer = { version, previous };
  const temporary = `${activePath(modelsFolder)}.${process.pid}.tmp`;
  writeDurably(temporary, `${JSON.stringify(pointer)}\n`);
  renameSync(temporary, activePath(modelsFolder));
  return pointer;
}

function readActiveOrNull(modelsFolder: string): ActivePointer | null {
  try {
    return readActive(modelsFolder);
  } catch {
    return null;
  }
}

/**
 * The bundle that `--models` means: a bundle's own folder, or the active (else newest) one of a folder of bundles.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST when active.json is damaged
 */
export function resolveBundle(folder: string): string {
  if (existsSync(join(folder, 'manifest.json'))) return folder;
  const active = readActive(folder);
  if (active !== null) return join(folder, active.version);
  const newest = listVersions(folder).at(-1);
  if (newest === undefined) throw new MinutehandError('MODEL_MISSING', { seen: `no bundle in ${folder}` });
  return join(folder, newest);
}

function writeDurably(path: string, data: string | Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    writeFileSync(file, data);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
