import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { ARCHIVE_TARGETS, type ArchiveTargetKind } from '../../../shared/archive_targets.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { SignalsPolicy } from '../../../shared/policy/schema.ts';
import type { ArchivePlace } from './archive_place.ts';
import { openFolder } from './folder.ts';
import { openS3Bucket, S3_REFUSALS, type S3Failure } from '../../../shared/blob/s3_bucket.ts';
import { type ErrorCode, MinutehandError } from '../../../shared/errors.ts';

type Policy = Pick<SignalsPolicy, 'archive_target' | 'archive_path' | 'archive_region' | 'archive_endpoint'>;

/**
 * An archive in a bucket of S3, Wasabi, B2 or another S3-compatible server. Its data is read back after writing, and
 * hashed here.
 */
export function openBucket(policy: Policy, env: NodeJS.ProcessEnv): ArchivePlace {
  const { archive_target: target, archive_path: path, archive_region: region, archive_endpoint: own } = policy;
  const [bucket, ...prefix] = path.split('/').filter((word) => word !== '') as [string, ...string[]];
  const objects = openS3Bucket({
    address: { bucket, prefix, region, endpoint: endpointOf(policy) },
    env,
    errorOf: (failure) =>
      new MinutehandError(codeOf(failure), { seen: `${target} ${failure.text}`, cause: failure.cause }),
  });
  return {
    id: `${target}:${[bucket, ...prefix].join('/')}${own === null ? '' : `@${own}`}`,
    read: (name) => objects.get(name),
    write: (name, bytes) =>
      objects.put(name, bytes, { contentType: name.endsWith('.json') ? 'application/json' : 'application/gzip' }),
    close: () => undefined,
  };
}

/** null: that of S3. */
export function endpointOf({ archive_target, archive_region, archive_endpoint }: Policy): string | null {
  return archive_endpoint ?? ARCHIVE_TARGETS[archive_target].endpointOf?.(archive_region) ?? null;
}

function codeOf({ name, status }: S3Failure): ErrorCode {
  if (S3_REFUSALS.includes(name)) return 'ARCHIVE_REFUSED';
  // Response of Backblaze and others when the bucket's limit of space or cost is reached.
  if (/Quota|CapExceeded|StorageFull/i.test(name) || status === 507) return 'ARCHIVE_FULL';
  return status >= 300 && status < 500 && status !== 408 && status !== 429 ? 'ARCHIVE_REFUSED' : 'ARCHIVE_UNREACHABLE';
}

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
