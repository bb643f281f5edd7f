import { MinutehandError, type ErrorCode } from '../errors.ts';
import type { RemoteFolder } from './remote_folder.ts';
import type { S3Address } from './s3_address.ts';
import { openS3Bucket, S3_REFUSALS, TOO_LARGE, type S3Failure } from './s3_bucket.ts';

/** A folder in a bucket: an object appears whole or not at all. */
export function openS3Folder(address: S3Address, env: NodeJS.ProcessEnv): RemoteFolder {
  const bucket = openS3Bucket({
    address,
    env,
    errorOf: (failure) => new MinutehandError(codeOf(failure), { seen: failure.text, cause: failure.cause }),
  });
  return {
    list: (folder) => bucket.list(folder),
    read: (name, maxBytes) => bucket.get(name, maxBytes),
    async upload(name, bytes) {
      await bucket.put(name, bytes);
      if ((await bucket.get(name))?.equals(bytes) === true) return;
      await bucket.remove(name);
      throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${address.bucket}/${name} differs from what was sent` });
    },
    replace: (name, bytes) => bucket.put(name, bytes, { contentType: 'application/json' }),
    remove: (name) => bucket.remove(name),
    close: () => Promise.resolve(),
  };
}

const FORBIDDEN = 403;

function codeOf({ name, status }: S3Failure): ErrorCode {
  if (name === TOO_LARGE) return 'DELIVERY_DAMAGED';
  return S3_REFUSALS.includes(name) || status === FORBIDDEN ? 'DELIVERY_REFUSED' : 'DELIVERY_UNREACHABLE';
}
