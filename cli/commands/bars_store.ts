import { Option } from 'commander';
import { homePaths } from '../../shared/home.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';

export function marketOption(meaning: string): Option {
  return new Option('--market <market>', meaning).choices(['live', 'simulated']).default('live');
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
