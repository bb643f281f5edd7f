import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from '../errors.ts';
import type { Blobs } from './blobs.ts';
import { folderBlobs } from './folder_blobs.ts';
import { s3Address } from './s3_address.ts';
import { s3Blobs } from './s3_blobs.ts';

/**
 * @param place an absolute path, `file:///…`, or `s3://bucket[/prefix][?region=…][&endpoint=https://…]`
 * @throws MinutehandError CONFIG_INVALID
 */
export async function openBlobs(place: string, env: NodeJS.ProcessEnv = process.env): Promise<Blobs> {
  if (isAbsolute(place)) return folderBlobs(place);
  const url = URL.canParse(place) ? new URL(place) : null;
  if (url?.protocol === 'file:') return folderBlobs(fileURLToPath(url));
  if (url?.protocol === 's3:' && url.hostname !== '') return await s3Blobs(s3Address(url), env);
  throw new MinutehandError('CONFIG_INVALID', {
    seen: `MINUTEHAND_BLOBS is ${JSON.stringify(place)}`,
    expected: 'an absolute path, file:///… or s3://bucket/prefix?region=…&endpoint=https://…',
  });
}
