import { APPLIES, effectOf, type Applies, type Keeper } from './applies.ts';
import { changedFigures } from './differences.ts';

/** What this installation uses that a change of the configuration may not reach. */
export interface InUse {
  /** Pairs and instruments with active models. */
  readonly active_models: number;
  /** Symbols of which one of the newest bars quotes its spread. */
  readonly quoted_spreads: readonly string[];
  /** Names of running paper accounts. */
  readonly paper_accounts: readonly string[];
}

/** One statement about what a change has effect on. */
export type ChangeEffect =
  | { readonly kind: 'applies'; readonly applies: Applies; readonly keys: readonly string[] }
  | { readonly kind: 'kept'; readonly keeper: Keeper; readonly names: readonly string[] };

/**
 * What a change has effect on from when, and what keeps another value: only of what this installation uses.
 * @param before values by key; absent before a value is proposed: all that the key could change
 */
export function changeEffects(
  changes: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>> | null,
  inUse: InUse,
): ChangeEffect[] {
  const keys = before === null ? Object.keys(changes) : changedFigures({ changes, before }).map(({ key }) => key);
  const times = Object.keys(APPLIES) as Applies[];
  const byTime = times.map((applies) => ({ applies, keys: keys.filter((key) => effectOf(key).applies === applies) }));
  const keepers = new Set(keys.flatMap((key) => effectOf(key).keptBy));
  return [
    ...byTime.filter((one) => one.keys.length > 0).map((one): ChangeEffect => ({ kind: 'applies', ...one })),
    ...[...keepers].flatMap((keeper): ChangeEffect[] => {
      const names = namesOf(keeper, keys, inUse);
      return names.length === 0 ? [] : [{ kind: 'kept', keeper, names }];
    }),
  ];
}

function namesOf(keeper: Keeper, keys: readonly string[], inUse: InUse): readonly string[] {
  switch (keeper) {
    case 'active_models':
      return inUse.active_models === 0 ? [] : [String(inUse.active_models)];
    case 'quoted_spreads': {
      const replaced = keys.filter((key) => effectOf(key).keptBy.includes('quoted_spreads'));
      return inUse.quoted_spreads.filter((symbol) =>
        replaced.some((key) => key === 'minutehand.symbols' || `${key}.`.startsWith(`minutehand.symbols.${symbol}.`)),
      );
    }
    case 'paper_accounts':
      return inUse.paper_accounts;
    case 'results':
      return ['all'];
  }
}
