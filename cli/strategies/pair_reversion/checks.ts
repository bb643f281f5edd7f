import { readActive } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet, partsOfSet } from '../../../shared/bundle/model_set.ts';
import { refuseForeign, timeframesOf } from '../../../shared/bundle/origin.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { describeError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { sequenceBars } from '../../../shared/core/features/windows.ts';
import type { CheckResult } from '../../check_result.ts';
import { perSecond, randomRows, refuseOutside, TEST_ROWS } from '../scored_rows.ts';

/** Loads the active models of pairs as a daemon of this program does. */
export async function checkPairs({ minutehand, core }: Settings, paths: HomePaths): Promise<CheckResult> {
  try {
    const active = readActive(paths.models, MACHINE_FILES, trainerMarks(paths));
    if (active === null)
      return {
        what: 'models',
        verdict: 'warning',
        detail: `none active in ${paths.models}; signals have mode HALT until there are`,
      };
    const set = await loadModelSet(pathInside(paths.models, active.version), featureSchema(minutehand.windows), 1);
    await set.release();
    const { market, pairs } = set.manifest;
    refuseUnservedFormulas(active.version, set.schema.windows, daemonsOf({ minutehand }));
    const origin = { version: active.version, market, timeframes: timeframesOf(pairs) };
    refuseForeign(origin, { market: minutehand.market, timeframes: timeframesOf(minutehand.pairs) });
    const verified = `${active.version} (${set.manifest.market} market) verified`;
    const isUnheeded = core.novelty_min !== null && partsOfSet(set).some(({ novelty }) => novelty === undefined);
    if (!isUnheeded) return { what: 'models', verdict: 'ok', detail: verified };
    return {
      what: 'models',
      verdict: 'warning',
      detail: `${verified}; novelty_min refuses nothing, as they do not describe the inputs of their training: train again`,
    };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { what: 'models', verdict: 'error', detail: `${code}: ${message} ${next}${provedModels(paths)}` };
  }
}

/** What a daemon would start with. */
function provedModels(paths: HomePaths): string {
  try {
    const [proved] = trainerMarks(paths).accepted();
    return proved === undefined ? '' : ` A daemon starts with the last accepted models, ${proved.version}, DEGRADED.`;
  } catch {
    return '';
  }
}

/** Loads a bundle of pairs. @returns rows scored per second; null unless timed */
export async function scorePairs(folder: string, { minutehand }: Settings, isTimed: boolean): Promise<number | null> {
  const set = await loadModelSet(folder, featureSchema(minutehand.windows), isTimed ? TEST_ROWS : 1);
  try {
    if (!isTimed) return null;
    const rows = randomRows(folder, set.manifest.features.length * sequenceBars(set.schema.windows));
    const beganMs = performance.now();
    const parts = partsOfSet(set);
    for (const part of parts) {
      // A bundle without a model of the result has NaN there; novelty is measured of a row when it is asked for.
      const { result_sigmas: _sigmas, novelty: _novelty, ...shares } = await part.infer(rows, TEST_ROWS);
      for (const values of Object.values(shares)) refuseOutside(folder, values as Float64Array);
    }
    return perSecond(parts.length * TEST_ROWS, beganMs);
  } finally {
    await set.release();
  }
}
