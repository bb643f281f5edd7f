import {
  directionOpener,
  liveInstrumentSchema,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { directionBars } from '../../../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { instrumentsWithRule } from '../../../shared/bundle/rule/active_rule.ts';
import { refuseForeign } from '../../../shared/bundle/origin.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { CheckResult } from '../../check_result.ts';
import { perSecond, randomRows, refuseOutside, TEST_ROWS } from '../scored_rows.ts';

/** The active direction model of each timeframe that an instrument has. */
export function checkDirections({ core, minutehand }: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const ruled = new Set(instrumentsWithRule(paths.models));
  const timeframes = new Set(minutehand.instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id)))));
  return Promise.all(
    [...timeframes].map(async (timeframe): Promise<CheckResult> => {
      const what = `direction ${timeframe}`;
      try {
        const active = readActiveDirection(paths.models, timeframe, trainerMarks(paths, `direction_${timeframe}`));
        const configured = minutehand.instruments
          .map(parseInstrument)
          .filter((one) => timeframeOf(barSecondsOf(one)) === timeframe);
        if (active === null) {
          const without = configured.map(({ id }) => id).filter((id) => !ruled.has(id));
          if (without.length === 0)
            return { what, verdict: 'ok', detail: 'no model: rules answer for its instruments' };
          const detail = `no active model: mode HALT for ${without.join(', ')} until there is`;
          return { what, verdict: 'warning', detail };
        }
        const model = await directionOpener(paths.models, 1)(active.version, timeframe);
        await model.release();
        const { manifest, novelty, engine, failedClaim } = model;
        const { edge, market } = manifest;
        refuseForeign(
          { version: active.version, market, timeframes: [] },
          { market: minutehand.market, timeframes: [] },
        );
        const withEdge = configured.filter(({ a }) => edge[a]?.no_edge === false).length;
        const detail = `${active.version} verified, ${withEdge} of ${configured.length} instruments with an edge${failedClaim === null ? '' : `, but no entries: ${failedClaim}`}, scored by ${engine}`;
        if (core.novelty_min === null || novelty !== undefined) return { what, verdict: 'ok', detail };
        return {
          what,
          verdict: 'warning',
          detail: `${detail}; novelty_min refuses nothing, as it does not describe the inputs of its training: train again`,
        };
      } catch (error) {
        const { code, message, next } = describeError(error);
        return { what, verdict: 'error', detail: `${code}: ${message} ${next}` };
      }
    }),
  );
}

/** Loads a direction model. @returns rows scored per second; null unless timed */
export async function scoreDirection(folder: string, isTimed: boolean): Promise<number | null> {
  const { manifest } = readDirectionBundle(folder);
  const model = await loadDirectionModel(folder, liveInstrumentSchema(manifest.timeframe), isTimed ? TEST_ROWS : 1);
  try {
    if (!isTimed) return null;
    const rows = randomRows(folder, directionBars(manifest) * manifest.features.length);
    const beganMs = performance.now();
    refuseOutside(folder, await model.infer(rows, TEST_ROWS));
    return perSecond(TEST_ROWS, beganMs);
  } finally {
    await model.release();
  }
}
