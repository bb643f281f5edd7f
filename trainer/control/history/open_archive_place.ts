import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { HomePaths } from '../../../shared/home.ts';
import { isFolderTarget, type SignalsPolicy } from '../../../shared/policy/schema.ts';
import type { ArchivePlace } from './archive_place.ts';
import { openBucket } from './bucket.ts';
import { openFolder } from './folder.ts';

/** The archive configured in signals_policy.yaml. It is not accessed yet. */
export async function openArchivePlace(
  policy: SignalsPolicy,
  paths: Pick<HomePaths, 'home'>,
  env: NodeJS.ProcessEnv,
): Promise<ArchivePlace> {
  const { archive_target: target, archive_path: path } = policy;
  if (!isFolderTarget(target)) return openBucket(policy, env);
  const root = resolve(paths.home, path);
  // A local folder is created. For an unmounted NAS, creating it would silently fill this machine's disk.
  return openFolder({ id: `${target}:${hostname()}:${root}`, root, isMade: target === 'LOCAL' });
}
