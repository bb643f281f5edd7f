import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from '../errors.ts';
import type { Blobs } from './blobs.ts';
import { folderBlobs } from './folder_blobs.ts';
import { s3Address } from './s3_address.ts';
import { s3Blobs } from './s3_blobs.ts';

/**
 * @param place an absolute path, `file:///…`, or `s3://bucket[/prefix][?region=…][&endpoint=https://…]`
 * @param inside folder of the place that these blobs are in; null: the place itself
 * @throws MinutehandError CONFIG_INVALID
 */
export async function openBlobs(
  place: string,
  env: NodeJS.ProcessEnv = process.env,
  inside: string | null = null,
): Promise<Blobs> {
  const words = inside === null ? [] : [inside];
  if (isAbsolute(place)) return folderBlobs(join(place, ...words));
  const url = URL.canParse(place) ? new URL(place) : null;
  if (url?.protocol === 'file:') return folderBlobs(join(fileURLToPath(url), ...words));
  if (url?.protocol === 's3:' && url.hostname !== '') {
    const address = s3Address(url);
    return await s3Blobs({ ...address, prefix: [...address.prefix, ...words] }, env);
  }
  throw new MinutehandError('CONFIG_INVALID', {
    seen: `MINUTEHAND_BLOBS is ${JSON.stringify(place)}`,
    expected: 'an absolute path, file:///… or s3://bucket/prefix?region=…&endpoint=https://…',
  });
}
