import { basename, dirname, join } from 'node:path';
import { renamePatiently, replaceDurably, writeDurably } from '../durable_file.ts';
import { MODEL_NAMES, type ModelName } from '../core/features/feature.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES, refuseDenied } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import type { ActiveFile } from './active_file.ts';
import { HASH_DIGITS, NO_SUFFIX, VERSION, versionNames, type VersionSuffix } from './version_name.ts';
import { parseManifestFile, readBundleFile } from './manifest_file.ts';
import { refuseUnservedGraphOf } from './onnx/graph_limits.ts';
import { readAccepted, readPointerFile, type ActivePointer } from './pointer.ts';
import type { PointerMarks } from './pointer_marks.ts';
import {
  BUNDLE_FORMAT,
  bundleModels,
  FORMER_FORMAT,
  groupFile,
  manifestOfGroup,
  manifestSchema,
  modelFile,
  NET_FILE,
  ownGroups,
  perBundleModel,
  type BundleModel,
  type Manifest,
  type OwnGroup,
  type PerBundleModel,
  type SubjectGroup,
} from './manifest.ts';
import type { MONITOR_FILE, VALIDATION_FILE } from './manifest.ts';
import { checkSignature, keyName, SIGNATURE_FILE, signatureText, signingKey, trustedKeys } from './signature.ts';
import { sha256Hex } from '../sha256.ts';
import { STRATEGIES } from '../strategies/registry.ts';
import { filesOf } from './slot_files.ts';

export { VERSION };
const MANIFEST = 'manifest.json';
const ACTIVE = 'active.json';

/** A bundle whose bytes are those its manifest names. Nothing is loaded yet. */
export interface Bundle {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly models: PerBundleModel<Buffer>;
  /** Identity of the decisions: the models' hashes with the thresholds and ranks that turn scores into signals. */
  readonly modelsHash: string;
  /** Of the groups that have models of their own; absent = none. */
  readonly groups?: readonly GroupBundle[];
}

/** The models of a group's pairs: its own, and the pooled ones in place of those it does not have. */
export interface GroupBundle {
  readonly name: string;
  readonly pairs: readonly string[];
  /** As it is for these pairs. */
  readonly manifest: Manifest;
  readonly models: PerBundleModel<Buffer>;
}

/**
 * Reads a bundle and checks that every file is the trained one and, where keys are trusted, that one of them signed it.
 * @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_LOAD, KEY_UNUSABLE
 */
export function readBundle(folder: string, files: FileSystem = MACHINE_FILES): Bundle {
  const bytes = readBundleFile(join(folder, MANIFEST), 'manifest', files);
  checkSignature(folder, bytes, files, trustedKeys());
  const manifest = parseManifest(folder, bytes);
  return { folder, manifest, modelsHash: hashModels(manifest), ...readFiles(folder, manifest, files) };
}

/** @throws MinutehandError MODEL_MISSING, MODEL_HASH */
function readFiles(folder: string, manifest: Manifest, files: FileSystem): Pick<Bundle, 'models' | 'groups'> {
  const models = perBundleModel(bundleModels(manifest), (name) => {
    const file = modelFile(name);
    return readModel(folder, file, manifest.files[file]!.sha256, files);
  });
  const groups = ownGroups(manifest).map((group) => readGroup(folder, group, { manifest, models }, files));
  return groups.length === 0 ? { models } : { models, groups };
}

function readGroup(
  folder: string,
  group: OwnGroup,
  { manifest, models }: Pick<Bundle, 'manifest' | 'models'>,
  files: FileSystem,
): GroupBundle {
  const { name, pairs, own } = group;
  const read = (model: BundleModel): Buffer => {
    const file = model === 'net' ? undefined : own.files[model];
    if (model === 'net' || file === undefined) return models[model]!;
    return readModel(folder, groupFile(name, model), file.sha256, files);
  };
  const ofGroup = perBundleModel(bundleModels(manifest), read);
  return { name, pairs, manifest: manifestOfGroup(manifest, group), models: ofGroup };
}

/** @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST */
export function readManifest(folder: string): Manifest {
  return parseManifest(folder, readBundleFile(join(folder, MANIFEST), 'manifest', MACHINE_FILES));
}

function parseManifest(folder: string, bytes: Buffer): Manifest {
  return parseManifestFile(join(folder, MANIFEST), bytes, manifestSchema, (json) => {
    if (formatOf(json) !== FORMER_FORMAT) return null;
    return {
      seen: `the format ${FORMER_FORMAT} of an earlier version`,
      expected: `${BUNDLE_FORMAT}: \`drift_ratio\` is \`efficiency_ratio\`, \`risk_knots\` is \`risk_quantiles\`, \`continued_from\` is \`warm_start_from\``,
      next: 'Train again: `minutehand train --adopt`.',
    };
  });
}

function formatOf(manifest: unknown): unknown {
  return typeof manifest === 'object' && manifest !== null && 'format' in manifest ? manifest.format : undefined;
}

function readModel(folder: string, file: string, expected: string, files: FileSystem): Buffer {
  const bytes = readBundleFile(join(folder, file), 'content', files);
  const seen = sha256Hex(bytes);
  if (seen !== expected)
    throw new MinutehandError('MODEL_HASH', {
      seen: `${join(folder, file)} has ${seen.slice(0, 12)}…`,
      expected: `${expected.slice(0, 12)}…`,
    });
  refuseUnservedGraphOf(bytes, join(folder, file));
  return bytes;
}

function hashModels(manifest: Manifest): string {
  const { files, theta1, theta2, risk_quantiles, edge } = manifest;
  const edges = Object.entries(edge)
    .map(([pair, { no_edge }]) => [pair, no_edge])
    .sort();
  const identity = [
    files['ai1.onnx'].sha256,
    files['ai2.onnx'].sha256,
    files['ai3.onnx'].sha256,
    theta1,
    theta2,
    risk_quantiles,
    edges,
    ...(files[NET_FILE] === undefined ? [] : [files[NET_FILE].sha256]),
    ...(manifest.inputs === undefined ? [] : [manifest.inputs]),
    ...ownGroups(manifest).map(({ name, pairs, own }) => [
      ...[name, [...pairs].sort(), own.theta1, own.theta2, own.risk_quantiles],
      MODEL_NAMES.map((model) => own.files[model]?.sha256 ?? null),
      ...(own.inputs === undefined ? [] : [own.inputs]),
    ]),
  ];
  return sha256Hex(JSON.stringify(identity));
}

/** A manifest before its files are written. */
export type ManifestContent = Omit<Manifest, 'format' | 'version' | 'created' | 'files' | 'groups'> & {
  readonly groups?: readonly GroupContent[] | undefined;
};

/** A group before its files are written. */
export type GroupContent = Omit<OwnGroup, 'own'> & {
  readonly own?: Omit<OwnGroup['own'], 'files'> | undefined;
};

export interface BundleContent {
  readonly manifest: ManifestContent;
  readonly models: PerBundleModel<Uint8Array>;
  /** Own models by group. */
  readonly groupModels?: Readonly<Record<string, Readonly<Partial<Record<ModelName, Uint8Array>>>>>;
  /** Plain JSON, written as it is. */
  readonly reports?: Readonly<Partial<Record<typeof VALIDATION_FILE | typeof MONITOR_FILE, unknown>>>;
  readonly card: (manifest: Manifest) => string;
  /** Whether the version has eight hex digits of the configuration: `20261120_0730-1a2b3c4d`. */
  readonly hashName?: boolean;
  /** Summary of settings at the end of the version, as `settingsSummary` makes it; absent: none. */
  readonly summary?: string;
}

/**
 * Writes `<modelsFolder>/<yyyyMMdd_HHmm>/`, as `writeVersion` names it, so that it exists whole or not at all, signed
 * when there is a key.
 * @returns the folder
 * @throws MinutehandError KEY_UNUSABLE
 */
export function writeBundle(
  modelsFolder: string,
  created: Date,
  content: BundleContent,
  files: FileSystem = MACHINE_FILES,
): string {
  const { configuration } = content.manifest;
  const hash = content.hashName === true ? sha256Hex(JSON.stringify(configuration)).slice(0, HASH_DIGITS) : null;
  return writeVersion(
    modelsFolder,
    created,
    (draft, version) => writeDraft(draft, version, created, content, files),
    { hash, summary: content.summary ?? null },
    files,
  );
}

/** Names of folders of bundles in a folder of models, which itself has the bundles of the first strategy. */
const INNER_FOLDERS: readonly string[] = Object.values(STRATEGIES)
  .slice(1)
  .map(({ shelf }) => shelf);

/** The folders whose versions a new one must differ from: a version names one bundle, whatever its strategy. */
function versionFolders(folder: string): readonly string[] {
  const models = INNER_FOLDERS.includes(basename(folder)) ? dirname(folder) : folder;
  return [models, ...INNER_FOLDERS.map((name) => join(models, name))];
}

/**
 * Makes the folder of a new version, whole or not at all: `yyyyMMdd_HHmm` of its creation in UTC, and its suffix. Where
 * another bundle of the models folder has that name, the time is to the second, then to the millisecond.
 * @param write fills the draft of a version
 * @returns the folder
 */
export function writeVersion(
  modelsFolder: string,
  created: Date,
  write: (draft: string, version: string) => void,
  suffix: VersionSuffix = NO_SUFFIX,
  files: FileSystem = MACHINE_FILES,
): string {
  files.makeFolder(modelsFolder);
  const names = versionNames(created, suffix);
  for (;;) {
    const version = names.next().value;
    const folder = join(modelsFolder, version);
    if (versionFolders(modelsFolder).some((one) => files.stat(join(one, version)) !== null)) continue;
    const draft = join(modelsFolder, `.${version}.${process.pid}.tmp`);
    try {
      files.remove(draft);
      files.makeFolder(draft);
      write(draft, version);
      files.sync(draft);
      renamePatiently(files, draft, folder);
      files.sync(modelsFolder);
      return folder;
    } catch (error) {
      files.remove(draft);
      // Another process took the name in between: the next one is free.
      if (files.stat(folder) === null) throw error;
    }
  }
}

function writeDraft(draft: string, version: string, created: Date, content: BundleContent, files: FileSystem): void {
  const { groups, ...pooled } = content.manifest;
  const contents = Object.entries(content.models).map(([name, bytes]): [string, Uint8Array] => [
    modelFile(name as BundleModel),
    bytes,
  ]);
  for (const [name, report] of Object.entries(content.reports ?? {}))
    contents.push([name, Buffer.from(`${JSON.stringify(report)}\n`)]);
  const write = (name: string, bytes: Uint8Array): BundleFile => {
    writeDurably(files, join(draft, name), bytes);
    return { sha256: sha256Hex(bytes), bytes: bytes.length };
  };
  const fileEntries = contents.map(([name, bytes]) => [name, write(name, bytes)] as const);
  const manifest: Manifest = {
    format: BUNDLE_FORMAT,
    version,
    created: created.toISOString(),
    ...pooled,
    ...(groups && { groups: groups.map((group) => withFiles(group, content.groupModels ?? {}, write)) }),
    files: Object.fromEntries(fileEntries) as Manifest['files'],
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  writeDurably(files, join(draft, MANIFEST), bytes);
  const key = signingKey();
  if (key !== null) writeDurably(files, join(draft, SIGNATURE_FILE), signatureText(bytes, key));
  writeDurably(files, join(draft, 'CARD.md'), content.card(manifest));
}

type BundleFile = Manifest['files']['ai1.onnx'];

/** Writes the files of the group's models. @returns the group as the manifest lists it */
function withFiles(
  { own, ...group }: GroupContent,
  models: NonNullable<BundleContent['groupModels']>,
  write: (name: string, bytes: Uint8Array) => BundleFile,
): SubjectGroup {
  if (own === undefined) return group;
  const written = Object.entries(models[group.name] ?? {}).map(([model, bytes]) => [
    model,
    write(groupFile(group.name, model as ModelName), bytes),
  ]);
  return { ...group, own: { ...own, files: Object.fromEntries(written) as OwnGroup['own']['files'] } };
}

/**
 * Signs a bundle with MINUTEHAND_SIGNING_KEY and replaces a present signature. Its files are checked first.
 * @returns the name of the key
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, KEY_UNUSABLE
 */
export function signBundle(folder: string): string {
  const key = signingKey();
  if (key === null) throw new MinutehandError('KEY_UNUSABLE', { seen: 'MINUTEHAND_SIGNING_KEY is not set' });
  const bytes = readBundleFile(join(folder, MANIFEST), 'manifest', MACHINE_FILES);
  readFiles(folder, parseManifest(folder, bytes), MACHINE_FILES);
  replaceDurably(MACHINE_FILES, join(folder, SIGNATURE_FILE), signatureText(bytes, key));
  return keyName(key);
}

/**
 * Copies a bundle into a folder of bundles, whole or not at all, under its own version.
 * @throws MinutehandError MODEL_EXISTS when another bundle has the version; as readBundle
 */
export function copyBundle(folder: string, modelsFolder: string, files: FileSystem = MACHINE_FILES): void {
  const bundle = readBundle(folder, files);
  const { version } = bundle.manifest;
  const target = join(modelsFolder, version);
  if (files.stat(target) !== null) {
    if (readBundle(target, files).modelsHash === bundle.modelsHash) return;
    throw new MinutehandError('MODEL_EXISTS', { seen: `${target} has other models than ${folder}` });
  }
  copyFolder(files, folder, target);
}

/** Copies the files of a bundle to `target`, whole or not at all. */
export function copyFolder(files: FileSystem, folder: string, target: string): void {
  const parent = dirname(target);
  const draft = join(parent, `.${basename(target)}.${process.pid}.tmp`);
  files.remove(draft);
  files.makeFolder(parent);
  files.makeFolder(draft);
  for (const { name, isFolder } of files.list(folder))
    if (!isFolder) writeDurably(files, join(draft, name), readBundleFile(join(folder, name), 'content', files));
  files.sync(draft);
  renamePatiently(files, draft, target);
  files.sync(parent);
}

/** Versions in a folder of bundles, oldest first. An absent folder has none. */
export function listVersions(modelsFolder: string, files: FileSystem = MACHINE_FILES): string[] {
  return files
    .list(modelsFolder)
    .map(({ name }) => name)
    .filter((name) => VERSION.test(name))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** `20261120_0730` before `20261120_0730_2`, and before `20261120_073000`. */
function sortKey(version: string): string {
  const [day, clock, copy] = version.split('-')[0]!.split('_') as [string, string, string | undefined];
  return `${day}_${clock.padEnd(9, '0')}_${(copy ?? '1').padStart(6, '0')}_${version}`;
}

export type { ActivePointer };

export function activePath(modelsFolder: string): string {
  return join(modelsFolder, ACTIVE);
}

/**
 * The active version and its predecessor; null when none was ever activated.
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readActive(
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
  marks: Pick<PointerMarks, 'check'> | null = null,
): ActivePointer | null {
  return readAccepted(filesOf(modelsFolder, 'pairs').active, files, marks);
}

/** `active.json` as it is. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
export function readActiveFile(modelsFolder: string, files: FileSystem = MACHINE_FILES): ActiveFile | null {
  return readPointerFile(filesOf(modelsFolder, 'pairs').active, files);
}

/** @throws MinutehandError MODEL_MISSING, FILE_DENIED */
export function mustExist(folder: string, files: FileSystem): void {
  if (files.stat(join(folder, MANIFEST)) !== null) return;
  refuseDenied(join(folder, MANIFEST));
  throw new MinutehandError('MODEL_MISSING', { seen: folder });
}

/**
 * The bundle that `--models` means: a bundle's own folder, or the active (else newest) one of a folder of bundles.
 * @throws MinutehandError MODEL_MISSING, FILE_DENIED, MODEL_MANIFEST when active.json is damaged
 */
export function resolveBundle(folder: string): string {
  if (MACHINE_FILES.stat(join(folder, MANIFEST)) !== null) return folder;
  const active = readActive(folder);
  if (active !== null) return join(folder, active.version);
  const newest = listVersions(folder).at(-1);
  if (newest === undefined) {
    refuseDenied(join(folder, MANIFEST));
    throw new MinutehandError('MODEL_MISSING', {
      seen: `no bundle in ${folder}`,
      expected: 'the folder of a bundle, or of bundles: a path from here, and not a version alone',
    });
  }
  return join(folder, newest);
}
