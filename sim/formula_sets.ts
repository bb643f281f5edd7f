import { symbolsOf } from '../shared/pair.ts';
import { withWindows } from '../shared/policy/feature_settings.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { subjectsOf } from './variety.ts';

/**
 * Formulas of the bundles of worlds whose models read other symbols, or compare pairs, by turns; null: a bundle without
 * any.
 */
export function formulaSets(settings: Settings): readonly (string | null)[] {
  const { pairs } = settings.minutehand;
  const [first] = pairs;
  const symbols = symbolsOf(subjectsOf(settings));
  const near = symbols[0]!;
  const far = symbols.at(-1)!;
  return [
    null,
    `lead = delta(log(symbol("${far}").close), 3)`,
    `wide for ${first} = mean(symbol("${far}").high / symbol("${far}").low, 4)\nbusy = rank(symbol("${near}").volume, 5)`,
    ...comparisons(pairs, far),
  ];
}

/** Over all pairs, and over two of them; none where there is one pair. */
function comparisons(pairs: readonly string[], symbol: string): string[] {
  if (pairs.length < 2) return [];
  const all = pairs.toSorted().join();
  const two = pairs.slice(0, 2).toSorted().join();
  return [
    `rank for ${all} = mean(cs_rank(delta(log(a.close / b.close), 2)), 3)\nfar for ${all} = cs_zscore(z_score)`,
    `even for ${two} = cs_mean(log(a.close / symbol("${symbol}").close))`,
  ];
}

/** The settings of the `run`-th training of such a world. */
export function settingsOfRun(settings: Settings, run: number): Settings {
  const sets = formulaSets(settings);
  const formulas = sets[run % sets.length]!;
  if (formulas === null) return settings;
  return withWindows(settings, { ...settings.minutehand.windows, formulas });
}
