import { readManifest, resolveBundle } from '../../../../shared/bundle/bundle.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { parseSubject } from '../../../../shared/pair.ts';
import { pairUnknown } from '../../../../shared/policy/known_subject.ts';
import { screenPolicy } from '../../../../shared/policy/policy.ts';
import { journalsOf } from '../../../jobs/bars/recent_bars.ts';
import { storeUrlIfThere } from '../../../store/store.ts';
import { checkFormula } from '../../formulas/check_formula.ts';
import { FormulaTrials } from '../../formulas/try_thread.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { formulaRoutes } from '../../schema/formulas.ts';

/** `GET /api/formulas`. It reads alone, so that trials are no entries of the audit. */
export function addFormulaRoutes(api: Api, { settings, paths }: ApiContext): void {
  const { market, pairs, instruments, windows, train } = settings.minutehand;
  const trials = new FormulaTrials();

  api.route({
    ...formulaRoutes['GET /api/formulas'],
    async handler({ query: { subject, formula, days } }, reply) {
      const known = [...pairs, ...instruments];
      if (!known.includes(subject)) throw pairUnknown([subject], known);
      const found = checkFormula(formula, parseSubject(subject), windows);
      if ('code' in found) return { fault: found, checked: null, tried: null };
      const checked = { ...found, sources: [...found.sources] };
      if (days === 0) return { fault: null, checked, tried: null };
      const tried = await trials.run(
        {
          subject,
          formula,
          days,
          pairs,
          windows,
          holdoutFraction: train.holdout_fraction,
          activeHoldout: activeHoldout(paths.models),
          market,
          screening: screenPolicy(settings),
          journals: journalsOf(settings, paths),
          storeUrl: storeUrlIfThere(process.env, paths),
        },
        clientLeft(reply.raw),
      );
      if (tried === null) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${subject}` });
      return { fault: null, checked, tried: plainTrial(tried) };
    },
  });
}

type Trial = NonNullable<Awaited<ReturnType<FormulaTrials['run']>>>;

/** A trial without the fields that the check has answered. Arrays are copied, as the type of the schema asks. */
function plainTrial({ distribution, chart, histogram, label, ...tried }: Trial) {
  const { quantiles, ...rest } = distribution;
  return {
    computations: tried.computations,
    microseconds_per_bar: tried.microseconds_per_bar,
    from: tried.from,
    to: tried.to,
    distribution: { ...rest, quantiles: quantiles === null ? null : [...quantiles] },
    label,
    chart: { time: [...chart.time], least: [...chart.least], greatest: [...chart.greatest] },
    histogram: histogram === null ? null : { ...histogram, counts: [...histogram.counts] },
  };
}

/** Epoch seconds; null without models that can be read. */
function activeHoldout(models: string): number | null {
  try {
    return Date.parse(readManifest(resolveBundle(models)).period.holdout_from) / 1000;
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}
