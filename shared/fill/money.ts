import { exactSum } from '../exact_sum.ts';

/** Money that a fill reports. */
export interface Amount {
  readonly pnl: number | null;
  /** Empty where nothing was reported. */
  readonly currency: string;
}

/** Sums by currency: the only way in which money of fills is added up, so that no two currencies ever are. */
export type Money = Readonly<Record<string, number>>;

export function moneyOf(amounts: readonly Amount[]): Money {
  const known = amounts.filter(({ pnl }) => pnl !== null);
  return Object.fromEntries(
    [...Map.groupBy(known, ({ currency }) => currency)].map(([currency, own]) => [
      currency,
      exactSum(own.map(({ pnl }) => pnl!)),
    ]),
  );
}

/** Currencies that are named, in alphabetical order. */
export function currenciesIn(amounts: readonly Pick<Amount, 'currency'>[]): string[] {
  return [...new Set(amounts.map(({ currency }) => currency))].filter((currency) => currency !== '').sort();
}

/**
 * The currency of all these amounts, whose numbers may then be added; empty where none is named.
 * @throws Error where there are several
 */
export function oneCurrency(amounts: readonly Pick<Amount, 'currency'>[]): string {
  const found = currenciesIn(amounts);
  if (found.length > 1) throw new Error(`money of ${found.join(' and ')} cannot be added`);
  return found[0] ?? '';
}
