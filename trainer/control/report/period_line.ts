import { shownMinute } from '../../../shared/bar.ts';
import type { Report } from '../schema/reports.ts';

/** The reported period and its clock: the wall clock, or the time of the simulated market, as on all pages. */
export function periodLine({ from, to, market_period, market }: PeriodOfReport): string {
  const published = `${shownMinute(from)} to ${shownMinute(to)} UTC`;
  if (market_period !== null) {
    const end = market_period.to === null ? 'its newest bar' : `${shownMinute(market_period.to)} UTC`;
    return `Period: ${shownMinute(market_period.from)} to ${end} by the clock of the simulated market (published ${published}).`;
  }
  if (market === 'live') return `Period: ${published}.`;
  return `Period: ${published}, by the wall clock; --from and --to take days of the simulated market.`;
}

type PeriodOfReport = Pick<Report, 'from' | 'to' | 'market_period' | 'market'>;
