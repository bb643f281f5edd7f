import type { ExposurePolicy } from '../core/position/exposure.ts';
import type { CorePolicy } from './schema.ts';

/** The limits of exposure; undefined without any. */
export function exposurePolicy(core: CorePolicy): ExposurePolicy | undefined {
  const { max_symbol_exposure: symbol, max_currency_exposure: currency } = core;
  return symbol === null && currency === null ? undefined : { symbol, currency };
}

/** Keys that came after the first records of policies: off where a record lacks them. */
const OFF = { max_symbol_exposure: null, max_currency_exposure: null, news_stop: null, novelty_min: null };

/** The values that policy_hash covers: a limit that is off is left out, as in records from before there were any. */
export function withoutOpenLimits(core: CorePolicy): Partial<CorePolicy> {
  const isOpen = ([key, value]: [string, unknown]): boolean => key in OFF && (value ?? null) === null;
  return Object.fromEntries(Object.entries(core).filter((entry) => !isOpen(entry)));
}

/** The reverse of `withoutOpenLimits`. */
export function withOpenLimits(core: CorePolicy | Omit<CorePolicy, keyof typeof OFF>): CorePolicy {
  return { ...OFF, ...core };
}
