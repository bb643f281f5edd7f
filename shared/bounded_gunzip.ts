import { createGunzip, type Gunzip, type ZlibOptions } from 'node:zlib';
import { MinutehandError } from './errors.ts';

/** Bars and tables shrink by a factor of 5 to 30; the most that gzip can do is about 1,030. */
const RATIO_MAX = 300;
/**
 * Below this nothing is refused: a short file of equal lines may shrink a lot. So many bytes, all of them lines of one
 * character, are read within seconds.
 */
const FREE_BYTES = 32 << 20;

/**
 * As `createGunzip`, but ends with GZIP_TOTAL when the text becomes far larger than a file of its size can be: such a
 * file was made to fill memory or disk.
 */
export function createBoundedGunzip(
  options: ZlibOptions = {},
  { freeBytes = FREE_BYTES, ratioMax = RATIO_MAX } = {},
): Gunzip {
  const gunzip = createGunzip(options);
  const push = gunzip.push.bind(gunzip);
  let total = 0;
  gunzip.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    total += chunk?.length ?? 0;
    // What was read of the compressed file may lag behind by one buffer.
    if (total <= freeBytes || total <= ratioMax * Math.max(gunzip.bytesWritten, 1)) return push(chunk, encoding);
    const seen = `${total} bytes out of ${gunzip.bytesWritten}`;
    gunzip.destroy(new MinutehandError('GZIP_TOTAL', { seen, expected: `at most ${ratioMax} times as many` }));
    return false;
  };
  return gunzip;
}
