import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MinutehandError } from './errors.ts';

const PACKAGE_NAME = 'minutehand';

/** What package.json says of this package. */
export interface PackageManifest {
  readonly version: string;
  readonly description: string;
}

/** package.json of this package. */
export function packageManifest(): PackageManifest {
  return JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as PackageManifest;
}

/** True when `folder` holds a package.json of this package. An unreadable one is not ours. */
function isPackageRoot(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown };
    return manifest.name === PACKAGE_NAME;
  } catch {
    return false;
  }
}

/**
 * The nearest folder at or above `from` whose package.json is this package's.
 * @throws MinutehandError CONFIG_MISSING when there is none up to the file system's root.
 */
export function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (isPackageRoot(folder)) return folder;
    if (folder === dirname(folder)) {
      throw new MinutehandError('CONFIG_MISSING', {
        seen: `no package.json named "${PACKAGE_NAME}" at or above ${from}`,
        next: 'Run the code from an unbroken checkout or installation.',
      });
    }
  }
}

let known: string | undefined;

/** The package's root folder, the same for sources (`shared/…`) and built code (`dist/shared/…`). */
export function packageRoot(): string {
  known ??= findPackageRoot(dirname(fileURLToPath(import.meta.url)));
  return known;
}
