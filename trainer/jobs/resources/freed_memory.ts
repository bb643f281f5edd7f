import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

const require = createRequire(import.meta.url);

/** `M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD` of glibc's malloc.h. */
const M_MMAP_THRESHOLD = -3;
const M_TRIM_THRESHOLD = -1;
const BYTES = 1 << 20;
/** A trim takes some 10 ms of a thread of its own, on a busy machine more. */
export const TRIM_EVERY_MS = 3000;
/** Pause after a trim, in times of its duration. */
const PAUSE_TIMES = 100;

/**
 * From here on the system has memory back as soon as it is freed. A training makes and frees arrays of tens of
 * megabytes; glibc raises its threshold with each that is freed, up to 32 MB, and keeps what is below it. A setting
 * holds the threshold (mallopt(3)), for all threads of the process.
 * @returns whether it is so; false on other systems and C libraries, where nothing changes
 */
export function returnFreedMemory(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const koffi = require('koffi') as typeof Koffi;
    const mallopt = koffi.load(null).func('int mallopt(int name, int value)') as (
      name: number,
      value: number,
    ) => number;
    return mallopt(M_MMAP_THRESHOLD, BYTES) === 1 && mallopt(M_TRIM_THRESHOLD, BYTES) === 1;
  } catch {
    return false;
  }
}

/**
 * Gives the pages between small arrays back every few seconds, in at most 1 % of the time: what threads free below the
 * threshold stays with their arenas, 0.1 GB in a training (malloc_trim(3)).
 * @returns ends it; on other systems and C libraries nothing was begun
 */
export function trimRepeatedly(onTrim: () => void = () => undefined): () => void {
  if (process.platform !== 'linux') return () => undefined;
  try {
    const koffi = require('koffi') as typeof Koffi;
    const trim = koffi.load(null).func('int malloc_trim(size_t pad)');
    let timer: NodeJS.Timeout;
    let isEnded = false;
    const trimAfter = (pauseMs: number): void => {
      timer = setTimeout(() => {
        const beginMs = performance.now();
        trim.async(0, () => {
          if (!isEnded) trimAfter(Math.max(TRIM_EVERY_MS, PAUSE_TIMES * (performance.now() - beginMs)));
          onTrim();
        });
      }, pauseMs);
      timer.unref();
    };
    trimAfter(TRIM_EVERY_MS);
    return () => {
      isEnded = true;
      clearTimeout(timer);
    };
  } catch {
    return () => undefined;
  }
}
