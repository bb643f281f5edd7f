import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceDurably, writeDurably } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { CONFIG_FILES } from './schema.ts';
import { pathInside } from '../path_name.ts';

/*
 * `<home>/policy/approved.json` names the configuration that daemon, trainer and commands load: the four files of an
 * approved commit, in a folder of its name. Without it they load the configuration folder. Nothing but an approved
 * change writes it, so a restart applies nothing else; it is replaced as a whole, so a reader sees one or the other.
 */

const approvedSchema = z.strictObject({
  change_id: z.int(),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  author: z.string(),
  approver: z.string(),
  reason: z.string(),
  applied_at: z.iso.datetime(),
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});

/** The files of an approved commit, and who decided on it. */
export type Approved = Readonly<z.infer<typeof approvedSchema>> & { readonly folder: string };

/** Texts by file name of the four files. */
export type ConfigTexts = Readonly<Record<string, string>>;

export const CONFIG_FILE_NAMES: readonly string[] = Object.values(CONFIG_FILES);

export function approvedPath(policyFolder: string): string {
  return join(policyFolder, 'approved.json');
}

/**
 * The approved configuration; null when no change was ever applied.
 * @throws MinutehandError CONFIG_UNAPPROVED when the pointer is damaged, or a file is not what was approved
 */
export function readApproved(policyFolder: string, files: FileSystem = MACHINE_FILES): Approved | null {
  const approved = readPointer(policyFolder, files);
  if (approved === null) return null;
  for (const name of CONFIG_FILE_NAMES) {
    const path = join(approved.folder, name);
    if (sha256(textAt(path, files)) !== approved.sha256[name])
      throw new MinutehandError('CONFIG_UNAPPROVED', { seen: path });
  }
  return approved;
}

/** The pointer alone. @throws MinutehandError CONFIG_UNAPPROVED */
export function readPointer(policyFolder: string, files: FileSystem = MACHINE_FILES): Approved | null {
  const path = approvedPath(policyFolder);
  if (files.stat(path) === null) return null;
  try {
    const pointer = approvedSchema.parse(JSON.parse(files.read(path).toString('utf8')));
    return { ...pointer, folder: pathInside(policyFolder, pointer.commit) };
  } catch (cause) {
    throw new MinutehandError('CONFIG_UNAPPROVED', { seen: path, cause });
  }
}

/** Writes the files of a commit, and then the pointer to them; survives a power cut from then on. */
export function writeApproved(
  policyFolder: string,
  approved: Omit<Approved, 'sha256' | 'folder'>,
  texts: ConfigTexts,
  files: FileSystem = MACHINE_FILES,
): void {
  writeApprovedFiles(policyFolder, approved.commit, texts, files);
  const hashes = Object.fromEntries(CONFIG_FILE_NAMES.map((name) => [name, sha256(texts[name]!)]));
  replaceDurably(files, approvedPath(policyFolder), `${JSON.stringify({ ...approved, sha256: hashes }, null, 2)}\n`);
}

export function writeApprovedFiles(
  policyFolder: string,
  commit: string,
  texts: ConfigTexts,
  files: FileSystem = MACHINE_FILES,
): void {
  const folder = pathInside(policyFolder, commit);
  files.makeFolder(folder);
  for (const name of CONFIG_FILE_NAMES) writeDurably(files, join(folder, name), texts[name]!);
  files.sync(folder);
}

function textAt(path: string, files: FileSystem): string {
  try {
    return files.read(path).toString('utf8');
  } catch {
    return '';
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
