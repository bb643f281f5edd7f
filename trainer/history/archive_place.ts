import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { HomePaths } from '../../shared/policy/home.ts';
import { isFolderTarget, type SignalsPolicy } from '../../shared/policy/schema.ts';
import { openBucket } from './bucket.ts';
import { openFolder } from './folder.ts';

/** Where archives are kept: names with slashes, each with bytes. All errors are ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED or ARCHIVE_FULL. */
export interface ArchivePlace {
  /** Kind and address, without secrets: `LOCAL:machine:/srv/archive`, `S3:bucket/prefix`. */
  readonly id: string;
  /** null when there is none of this name. */
  read(name: string): Promise<Buffer | null>;
  /** Puts all of it there under this name, in the place of what was there, or nothing; it survives a power cut when this resolves. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** The archive that signals_policy.yaml names. Nothing is asked of it yet. */
export async function openArchivePlace(
  policy: SignalsPolicy,
  paths: Pick<HomePaths, 'home'>,
  env: NodeJS.ProcessEnv,
): Promise<ArchivePlace> {
  const { archive_target: target, archive_path: path } = policy;
  if (!isFolderTarget(target)) return openBucket(policy, env);
  const root = resolve(paths.home, path);
  // A folder of this machine is made; where a NAS is not mounted, making one would fill the disk of this machine unnoticed.
  return openFolder({ id: `${target}:${hostname()}:${root}`, root, isMade: target === 'LOCAL' });
}
