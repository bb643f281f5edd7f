import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { ARCHIVE_TARGETS, type ArchiveTargetKind } from '../../../shared/archive_targets.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { SignalsPolicy } from '../../../shared/policy/schema.ts';
import type { ArchivePlace } from './archive_place.ts';
import { openBucket } from './bucket.ts';
import { openFolder } from './folder.ts';

interface Configured {
  readonly policy: SignalsPolicy;
  readonly paths: Pick<HomePaths, 'home'>;
  readonly env: NodeJS.ProcessEnv;
}

/** How each kind of place is opened. */
const OPENERS: Readonly<Record<ArchiveTargetKind['place'], (of: Configured) => Promise<ArchivePlace>>> = {
  async folder({ policy: { archive_target: target, archive_path: path }, paths }) {
    const root = resolve(paths.home, path);
    return openFolder({
      id: `${target}:${hostname()}:${root}`,
      root,
      isMade: ARCHIVE_TARGETS[target].makesFolder === true,
    });
  },
  bucket: ({ policy, env }) => Promise.resolve(openBucket(policy, env)),
};

/** The archive configured in signals_policy.yaml. It is not accessed yet. */
export async function openArchivePlace(
  policy: SignalsPolicy,
  paths: Pick<HomePaths, 'home'>,
  env: NodeJS.ProcessEnv,
): Promise<ArchivePlace> {
  return await OPENERS[ARCHIVE_TARGETS[policy.archive_target].place]({ policy, paths, env });
}
