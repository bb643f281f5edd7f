import { MARKETS } from '../../shared/signal/signal.ts';
import type { DateOrder } from '../../shared/csv/stamps.ts';
import { Option } from 'commander';
import { homePaths } from '../../shared/home.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';

export function marketOption(meaning: string): Option {
  return new Option('--market <market>', meaning).choices(MARKETS).default('live');
}

/** The option `--date-order`, of every import that reads dates. */
export function dateOrderOption(choices: readonly DateOrder[]): Option {
  const short = choices.includes('ymd') ? ', and of years with two digits' : '';
  return new Option('--date-order <order>', `of dates such as 03/04/2025 where none shows it${short}`).choices(choices);
}

/** The option `--decimal`, of every import that reads numbers. */
export function decimalOption(): Option {
  const meaning = 'mark before decimals, where numbers such as 154,321 do not show it';
  return new Option('--decimal <mark>', meaning).choices(['point', 'comma']);
}

/** Does `work` with the store open. */
export async function withStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
