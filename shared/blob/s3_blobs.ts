import { MinutehandError } from '../errors.ts';
import { sha256Hex } from '../sha256.ts';
import { checkHash, parseKeptResult, type Blobs, type KeptResult } from './blobs.ts';
import { verified } from './folder_blobs.ts';
import type { S3Address } from './s3_address.ts';
import { openS3Bucket } from './s3_bucket.ts';

/** Blobs in a bucket of S3 or of a server that speaks its protocol. */
export function s3Blobs(address: S3Address, env: NodeJS.ProcessEnv): Blobs {
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
    return bytes === null ? null : parseKeptResult(bytes.toString('utf8'));
  }

  return {
    async put(bytes) {
      const hash = sha256Hex(bytes);
      const name = nameOf('blobs', hash);
      const isWhole = async (): Promise<boolean> =>
        (await bucket.sizeOf(name)) === bytes.length && sha256Hex((await bucket.get(name)) ?? '') === hash;
      if (!(await isWhole())) await bucket.put(name, bytes);
      return hash;
    },
    async get(hash) {
      return verified(hash, await bucket.get(nameOf('blobs', hash)), place);
    },
    has,
    result,
    async keep(key, made) {
      const name = nameOf('results', key);
      const text = await bucket.get(name);
      const isDamaged = text !== null && parseKeptResult(text.toString('utf8')) === null;
      // Servers that do not know the condition write the later one; equal keys have equal results anyway.
      if (text === null || isDamaged) await bucket.put(name, Buffer.from(JSON.stringify(made)), { isKept: !isDamaged });
      return (await result(key)) ?? made;
    },
    drop: (key) => bucket.remove(nameOf('results', key)),
    // A rule of the bucket does that.
    prune: () => Promise.resolve(0),
  };
}
