import { basename, dirname } from 'node:path';
import type * as z from 'zod';
import { deniedPath, knownError, MinutehandError } from '../errors.ts';
import type { FileSystem } from '../ports.ts';
import { VERSION } from './version_name.ts';
import { readModelsFile, type ModelsFileKind } from './models_file.ts';

/** A file of a bundle. @throws MinutehandError MODEL_MISSING, MODEL_FILE, FILE_DENIED */
export function readBundleFile(path: string, kind: ModelsFileKind, files: FileSystem): Buffer {
  try {
    return readModelsFile(path, kind, files);
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    if (deniedPath(cause) !== null) throw knownError(cause)!;
    throw new MinutehandError('MODEL_MISSING', { seen: path, cause });
  }
}

/**
 * The manifest of a bundle. In a folder that is named as a version is, it must be of that version: a pointer names the
 * folder, and another bundle in it, however well signed, is not the one that was activated.
 * @param formerFormat details about one of an earlier version; null = it is not
 * @throws MinutehandError MODEL_MANIFEST
 */
export function parseManifestFile<Manifest extends { readonly version: string }>(
  path: string,
  bytes: Buffer,
  schema: z.ZodType<Manifest>,
  formerFormat: (json: unknown) => { readonly seen: string; expected: string; next: string } | null = () => null,
): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path} is not JSON`, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return checkedVersion(path, parsed.data);
  const issue = parsed.error.issues[0]!;
  const former = issue.path[0] === 'format' ? formerFormat(json) : null;
  if (former !== null) throw new MinutehandError('MODEL_MANIFEST', { ...former, seen: `${path} has ${former.seen}` });
  throw new MinutehandError('MODEL_MANIFEST', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
}

function checkedVersion<Manifest extends { readonly version: string }>(path: string, manifest: Manifest): Manifest {
  const folder = dirname(path);
  const named = basename(folder);
  if (!VERSION.test(named) || named === manifest.version) return manifest;
  throw new MinutehandError('MODEL_MANIFEST', {
    seen: `${folder} has the bundle of version ${manifest.version}`,
    expected: named,
    next: 'Find out who put it there; restore the folder from the registry, or activate a version that is whole.',
  });
}
