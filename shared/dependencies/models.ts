import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { MinutehandError } from '../errors.ts';
import type { DependencyCheck } from './watch.ts';

/** A bundle that answers, or is named to. */
export interface BundleInUse {
  /** The file that names it. */
  readonly pointer: string;
  readonly folder: string;
}

/** Checks that pointer, folder and manifest of each bundle in use are there. */
export function bundlesInUse(bundles: () => readonly BundleInUse[]): DependencyCheck {
  return async () => {
    for (const { pointer, folder } of bundles()) {
      await there(pointer);
      await there(join(folder, 'manifest.json'));
    }
  };
}

async function there(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const seen = code === 'ENOENT' || code === 'ENOTDIR' ? `${path} is gone` : `${path} (${code})`;
    throw new MinutehandError('MODEL_MISSING', {
      seen,
      next: 'The registry restores it by itself where it can; `minutehand models recover` does it by hand.',
      cause,
    });
  }
}
