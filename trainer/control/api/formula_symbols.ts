import { otherSymbolsOf } from '../../../shared/bar_file/other_bars.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { barExtents } from '../../jobs/bars/bar_extent.ts';
import { openTimeOf } from '../../jobs/job_fields.ts';
import { learnedWindows } from '../../jobs/kinds/symbols_of_training.ts';
import { comparisonImpossible } from '../../learning/gates/champion.ts';
import { findChampion } from '../../learning/training/champion.ts';
import type { RunRequest } from '../schedule/run.ts';
import type { ApiContext } from './context.ts';

/**
 * Refuses a training of pairs that could not be adopted for what formulas read: those of the new models, and those of
 * the active ones, with which the new ones are compared at the end. The training itself would refuse it after reading
 * all bars.
 * @throws MinutehandError MODEL_SYMBOLS, DATA_MISSING, COMPARISON_IMPOSSIBLE; CONFIG_* for a file
 * of formulas with problems
 */
export async function refuseUnreadFormulas(
  { kind, parameters = {} }: Pick<RunRequest, 'kind' | 'parameters'>,
  { settings, paths, store }: Pick<ApiContext, 'settings' | 'paths' | 'store'>,
): Promise<void> {
  const { market, shards } = settings.minutehand;
  const own = learnedWindows(kind !== 'full', settings, paths.models);
  refuseUnservedFormulas('a training that is to be adopted', own, daemonsOf(settings));
  const champion = findChampion({ modelsFolder: paths.models, settings, market });
  const learned = otherSymbolsOf(own);
  const compared = 'reason' in champion ? [] : otherSymbolsOf(champion.windows);
  if (learned.length + compared.length === 0) return;
  const { from, to } = parameters;
  const period = {
    ...(from === undefined ? {} : { from: openTimeOf(from) }),
    ...(to === undefined ? {} : { to: openTimeOf(to) }),
  };
  const journals = Object.keys(shards).map((shard) => paths.journal(market, shard));
  const symbols = [...new Set([...learned, ...compared])];
  const found = await barExtents({ market, symbols, journals, store: await store() }, period);
  const inPeriod = from === undefined && to === undefined ? '' : ' in this period';
  const absent = learned.find((symbol) => !found.has(symbol));
  if (absent !== undefined)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars of ${absent}${inPeriod}, which a formula reads as symbol("${absent}")`,
      next: `Import bars of ${absent}, or take the formula out of config/features.yaml.`,
    });
  const unanswered = compared.find((symbol) => !found.has(symbol));
  if (unanswered !== undefined && !('reason' in champion))
    throw comparisonImpossible(champion.version, `no bars of ${unanswered}${inPeriod}`, `Import bars of ${unanswered}`);
}
