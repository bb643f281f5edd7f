import { readActive } from '../shared/bundle/bundle.ts';
import { directionOpener, readActiveDirection } from '../shared/bundle/direction/active_direction.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, partsOfSet } from '../shared/bundle/model_set.ts';
import { refuseForeign, timeframesOf } from '../shared/bundle/origin.ts';
import { trainerMarks } from '../shared/bundle/pointer_marks.ts';
import { daemonsOf, refuseUnservedFormulas } from '../shared/bundle/served_formulas.ts';
import { describeError } from '../shared/errors.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import type { HomePaths } from '../shared/home.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../shared/pair.ts';
import { pathInside } from '../shared/path_name.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { CheckResult } from './check_result.ts';

/** Loads the active models of pairs as a daemon of this program does. */
export async function checkModels({ minutehand, core }: Settings, paths: HomePaths): Promise<CheckResult> {
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
    const daemons = daemonsOf({ minutehand });
    refuseUnservedFormulas(active.version, set.schema.windows, { role: 'active', daemons });
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

/** The active direction model of each timeframe that an instrument has. */
export function checkDirections({ minutehand }: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const timeframes = new Set(minutehand.instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id)))));
  return Promise.all(
    [...timeframes].map(async (timeframe): Promise<CheckResult> => {
      const what = `direction ${timeframe}`;
      try {
        const active = readActiveDirection(paths.models, timeframe, trainerMarks(paths, `direction_${timeframe}`));
        if (active === null)
          return { what, verdict: 'warning', detail: 'no active model; its instruments have mode HALT until there is' };
        const { edge, market } = (await directionOpener(paths.models, 1)(active.version, timeframe)).manifest;
        refuseForeign(
          { version: active.version, market, timeframes: [] },
          { market: minutehand.market, timeframes: [] },
        );
        const own = minutehand.instruments
          .map(parseInstrument)
          .filter((one) => timeframeOf(barSecondsOf(one)) === timeframe);
        const withEdge = own.filter(({ a }) => edge[a]?.no_edge === false).length;
        return {
          what,
          verdict: 'ok',
          detail: `${active.version} verified, ${withEdge} of ${own.length} instruments with an edge`,
        };
      } catch (error) {
        const { code, message, next } = describeError(error);
        return { what, verdict: 'error', detail: `${code}: ${message} ${next}` };
      }
    }),
  );
}
