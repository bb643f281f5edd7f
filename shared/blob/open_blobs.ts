import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from '../errors.ts';
import { pathInside } from '../path_name.ts';
import type { Blobs } from './blobs.ts';
import { folderBlobs } from './folder_blobs.ts';
import { s3Address } from './s3_address.ts';
import { s3Blobs } from './s3_blobs.ts';

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
