import type { MarketKind } from '../../shared/signal/signal.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Settings } from '../../shared/policy/policy.ts';

/** A job that reads bars, and may change the models of this installation. */
export interface AdoptingJob {
  readonly market: MarketKind;
  readonly source: { readonly folder: string | null };
  readonly output: { readonly folder: string | null };
  readonly adopt: boolean;
}

/**
 * The bars of an installation are of its own market, and so are the models that it may adopt. Hours of training would
 * otherwise end in a refusal, or in a bundle that names a market of which it has seen nothing.
 * @throws MinutehandError MODEL_MARKET
 */
export function refuseOtherMarket(
  { market, source, output, adopt }: AdoptingJob,
  { minutehand }: Pick<Settings, 'minutehand'>,
): void {
  refuseForeignBars({ market, source }, { minutehand });
  if (market === minutehand.market || !adopt || output.folder !== null) return;
  throw new MinutehandError('MODEL_MARKET', {
    seen: `models of a ${market} market to adopt`,
    expected: `a ${minutehand.market} market, which runs here`,
    next: 'Train without --adopt or with --out, or set MINUTEHAND_MARKET.',
  });
}

/** @throws MinutehandError MODEL_MARKET for bars of this installation that are said to be of another market */
export function refuseForeignBars(
  { market, source }: Pick<AdoptingJob, 'market' | 'source'>,
  { minutehand }: Pick<Settings, 'minutehand'>,
): void {
  if (market === minutehand.market || source.folder !== null) return;
  throw new MinutehandError('MODEL_MARKET', {
    seen: `a job on bars of a ${market} market`,
    expected: `those of this installation: ${minutehand.market}`,
    next: 'Name the folder of the bars, or set MINUTEHAND_MARKET.',
  });
}
