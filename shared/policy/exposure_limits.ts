import type { ExposurePolicy } from '../core/position/exposure.ts';
import type { CorePolicy } from './schema.ts';

/** The limits of exposure; undefined without any. */
export function exposurePolicy(core: CorePolicy): ExposurePolicy | undefined {
  const { max_symbol_exposure: symbol, max_currency_exposure: currency } = core;
  return symbol === null && currency === null ? undefined : { symbol, currency };
}

/** The values that policy_hash covers: a limit that is off is left out, as in records from before there were any. */
export function withoutOpenLimits(core: CorePolicy): Partial<CorePolicy> {
  const { max_symbol_exposure, max_currency_exposure, ...others } = core;
  return {
    ...others,
    ...(typeof max_symbol_exposure === 'number' && { max_symbol_exposure }),
    ...(typeof max_currency_exposure === 'number' && { max_currency_exposure }),
  };
}

/** The reverse of `withoutOpenLimits`. */
export function withOpenLimits(
  core: CorePolicy | Omit<CorePolicy, 'max_symbol_exposure' | 'max_currency_exposure'>,
): CorePolicy {
  return { max_symbol_exposure: null, max_currency_exposure: null, ...core };
}
