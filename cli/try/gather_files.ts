import AdmZip from 'adm-zip';
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { makeFolder } from '../../shared/folder.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { pathInside } from '../../shared/path_name.ts';

/** Far more than a file of a year of one-minute bars, 20 MB. */
const MAX_BYTES = 1 << 30;
/** Of text; what unpacks to more is no history. */
const MAX_RATIO = 200;

/**
 * Copies the files of folders, their subfolders and zip archives into one folder, as an import reads it. Only names
 * without folders are taken from an archive; of two files of one name, the second gets a number.
 * @returns how many files
 * @throws MinutehandError DATA_MISSING for a path that is not there; DATA_FORMAT for a zip that cannot be unpacked
 */
export function gatherFiles(paths: readonly string[], into: string): number {
  makeFolder(into);
  let files = 0;
  const place = (name: string): string => {
    files++;
    const end = extname(name);
    const free = (count: number): string =>
      count === 1 ? name : `${name.slice(0, name.length - end.length)}_${count}${end}`;
    let count = 1;
    while (existsSync(pathInside(into, free(count)))) count++;
    return pathInside(into, free(count));
  };
  const take = (path: string): void => {
    if (!existsSync(path)) throw new MinutehandError('DATA_MISSING', { seen: `nothing at ${path}` });
    const name = basename(path);
    if (statSync(path).isDirectory()) {
      for (const own of readdirSync(path).sort()) if (!own.startsWith('.')) take(join(path, own));
    } else if (/\.zip$/i.test(name)) {
      for (const [own, bytes] of unpacked(path)) writeFileSync(place(own), bytes);
    } else copyFileSync(path, place(name));
  };
  for (const path of paths) take(path);
  return files;
}

/** Name and content of each file of an archive. */
function* unpacked(path: string): Generator<readonly [name: string, bytes: Buffer]> {
  const refused = (seen: string, cause?: unknown): MinutehandError =>
    new MinutehandError('DATA_FORMAT', {
      seen: `${path}: ${seen}`,
      expected: 'a zip archive of bars',
      next: 'Download it again, or unpack it and give the folder.',
      cause,
    });
  try {
    for (const entry of new AdmZip(path).getEntries()) {
      const name = basename(entry.entryName.replaceAll('\\', '/'));
      if (entry.isDirectory || name === '' || name.startsWith('.')) continue;
      const { size, compressedSize } = entry.header;
      if (size > MAX_BYTES || size > MAX_RATIO * Math.max(compressedSize, 1024))
        throw refused(`${name} would unpack to ${size} bytes`);
      yield [name, entry.getData()];
    }
  } catch (error) {
    throw error instanceof MinutehandError ? error : refused(String(error), error);
  }
}
