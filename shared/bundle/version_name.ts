import { sha256Hex } from '../sha256.ts';

/**
 * Form of a version: `yyyyMMdd_HHmm` of its creation in UTC, to the second or the millisecond where the minute is
 * taken; eight hex digits of a hash; a summary of settings, such as `gbdt-h20`. Earlier versions counted the bundles of
 * a minute: `_2`.
 */
export const VERSION = /^\d{8}_\d{4}(\d{2}(\d{3})?)?(_\d+)?(-[0-9a-f]{8})?(-[a-z][a-z0-9]{0,23}(-[a-z]\d{1,9}){0,2})?$/;

export const HASH_DIGITS = 8;

/** What a version has behind its time. */
export interface VersionSuffix {
  /** Eight hex digits; null: none. */
  readonly hash: string | null;
  readonly summary: string | null;
}

export const NO_SUFFIX: VersionSuffix = { hash: null, summary: null };

/**
 * Settings as a version states them: engine and horizon of the label, `lightgbm-h20`.
 * @param horizon bars
 */
export function settingsSummary(engine: string, horizon: number): string {
  const letters = engine.toLowerCase().replace(/[^a-z0-9]/g, '');
  return `${/^[a-z]/.test(letters) ? letters.slice(0, 24) : 'other'}-h${horizon}`;
}

/**
 * Names for a new version, best first: the minute; the second, and the millisecond, where another bundle has it; then
 * another hash.
 */
export function* versionNames(created: Date, { hash, summary }: VersionSuffix): Generator<string, never> {
  const [day, clock] = created
    .toISOString()
    .replace(/[-:.Z]/g, '')
    .split('T') as [string, string];
  const name = (digits: number, own: string | null): string =>
    [`${day}_${clock.slice(0, digits)}`, own, summary].filter((part) => part !== null).join('-');
  for (const digits of [4, 6, 9]) yield name(digits, hash);
  for (let copy = 1; ; copy++) yield name(9, sha256Hex(`${created.toISOString()} ${copy}`).slice(0, HASH_DIGITS));
}
