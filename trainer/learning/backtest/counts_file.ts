import type * as z from 'zod';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { readModelsFile } from '../../../shared/bundle/models_file.ts';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { makeFolder } from '../../../shared/folder.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { blockUntilUnlocked, lockHome } from '../../../shared/process/home_lock.ts';

/** A holdout with a smaller share of time that an earlier one did not have is that one once more. */
const NEW_SHARE = 0.1;

/** A holdout: its market and the times of its bars, ISO 8601. */
export interface Holdout extends Pick<Manifest, 'market'> {
  /** Of one instrument or pair alone, without spaces; absent: of the pairs together. */
  readonly subject?: string;
  readonly from: string;
  readonly to: string;
}

/** Whether an earlier holdout has all but `NEW_SHARE` of the time of another one. */
export function covers(earlier: Holdout, holdout: Holdout): boolean {
  const begin = Math.max(Date.parse(earlier.from), Date.parse(holdout.from));
  const end = Math.min(Date.parse(earlier.to), Date.parse(holdout.to));
  const whole = Date.parse(holdout.to) - Date.parse(holdout.from);
  const isSame = earlier.market === holdout.market && earlier.subject === holdout.subject;
  return isSame && end - begin > (1 - NEW_SHARE) * whole;
}

export function keyOf({ market, subject, from, to }: Holdout): string {
  return `${subject === undefined ? market : `${market}/${subject}`} ${from} ${to}`;
}

export function holdoutOfKey(key: string): Holdout {
  const [of, from, to] = key.split(' ') as [string, string, string];
  const [market, subject] = of.split('/') as [Holdout['market'], string?];
  return { market, from, to, ...(subject !== undefined && { subject }) };
}

/** What is counted by holdout, in a JSON file of a models folder that outlives every process. */
export interface CountsFile<Counts> {
  readonly name: string;
  readonly schema: z.ZodType<Counts>;
}

/** @throws MinutehandError LOOKS_FORMAT for a damaged file: it is not replaced, because its counts would be lost */
export function readCounts<Counts extends object>(
  modelsFolder: string,
  { name, schema }: CountsFile<Counts>,
): Counts | null {
  const path = pathInside(modelsFolder, name);
  if (MACHINE_FILES.stat(path) === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'halts').toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('LOOKS_FORMAT', { seen: `${path} cannot be read, or is not JSON`, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('LOOKS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
}

/**
 * Changes the counts durably, one process after the other.
 * @param change of the counts, null without a file; its counts are null where there is nothing to write
 * @throws MinutehandError as `readCounts`, and HOME_LOCKED, HOME_UNUSABLE
 */
export function changeCounts<Counts extends object, Result>(
  modelsFolder: string,
  file: CountsFile<Counts>,
  change: (counts: Counts | null) => { readonly counts: Counts | null; readonly result: Result },
): Result {
  makeFolder(modelsFolder);
  const path = pathInside(modelsFolder, file.name);
  const unlock = blockUntilUnlocked(() => lockHome(`${path}.lock`));
  try {
    const { counts, result } = change(readCounts(modelsFolder, file));
    if (counts !== null) replaceDurably(MACHINE_FILES, path, `${JSON.stringify(counts, null, 1)}\n`);
    return result;
  } finally {
    unlock();
  }
}
