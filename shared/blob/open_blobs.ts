import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from '../errors.ts';
import { pathInside } from '../path_name.ts';
import { type Blobs, checkHash, type KeptResult } from './blobs.ts';
import { folderBlobs, verified } from './folder_blobs.ts';
import { s3Address, type S3Address } from './s3_address.ts';
import { sha256Hex } from '../sha256.ts';
import { openS3Bucket } from './s3_bucket.ts';

/** Blobs in a bucket of S3 or of a server that speaks its protocol. */
function s3Blobs(address: S3Address, env: NodeJS.ProcessEnv): Blobs {
  const place = `s3://${address.bucket}`;
  const bucket = openS3Bucket({
    address,
    env,
    errorOf: ({ text, cause }) => new MinutehandError('BLOBS_UNREACHABLE', { seen: text, cause }),
  });
  const nameOf = (kind: string, hash: string): string => `${kind}/${checkHash(hash).slice(0, 2)}/${hash}`;
  const has = async (hash: string): Promise<boolean> => (await bucket.sizeOf(nameOf('blobs', hash))) !== null;
  async function result(key: string): Promise<KeptResult | null> {
    const bytes = await bucket.get(nameOf('results', key));
    return bytes === null ? null : (JSON.parse(bytes.toString('utf8')) as KeptResult);
  }

  return {
    async put(bytes) {
      const hash = sha256Hex(bytes);
      if (!(await has(hash))) await bucket.put(nameOf('blobs', hash), bytes);
      return hash;
    },
    async get(hash) {
      return verified(hash, await bucket.get(nameOf('blobs', hash)), place);
    },
    has,
    result,
    async keep(key, made) {
      // Servers that do not know the condition write the later one; equal keys have equal results anyway.
      if ((await result(key)) === null)
        await bucket.put(nameOf('results', key), Buffer.from(JSON.stringify(made)), { isKept: true });
      return (await result(key))!;
    },
    // A rule of the bucket does that.
    prune: () => Promise.resolve(0),
  };
}

/**
 * @param place an absolute path, `file:///…`, or `s3://bucket[/prefix][?region=…][&endpoint=https://…]`
 * @param inside folder of the place that these blobs are in; null: the place itself
 * @throws MinutehandError CONFIG_INVALID
 */
export function openBlobs(place: string, env: NodeJS.ProcessEnv = process.env, inside: string | null = null): Blobs {
  const folderOf = (path: string): string => (inside === null ? path : pathInside(path, inside));
  if (isAbsolute(place)) return folderBlobs(folderOf(place));
  const url = URL.canParse(place) ? new URL(place) : null;
  if (url?.protocol === 'file:') return folderBlobs(folderOf(fileURLToPath(url)));
  if (url?.protocol === 's3:' && url.hostname !== '') {
    const address = s3Address(url);
    return s3Blobs({ ...address, prefix: inside === null ? address.prefix : [...address.prefix, inside] }, env);
  }
  throw new MinutehandError('CONFIG_INVALID', {
    seen: `MINUTEHAND_BLOBS is ${JSON.stringify(place)}`,
    expected: 'an absolute path, file:///… or s3://bucket/prefix?region=…&endpoint=https://…',
  });
}
