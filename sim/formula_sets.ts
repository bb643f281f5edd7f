import { symbolsOf } from '../shared/pair.ts';
import { withWindows } from '../shared/policy/feature_settings.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { subjectsOf } from './variety.ts';

/** Formulas of the bundles of worlds whose models read other symbols, by turns; null: a bundle without any. */
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
  ];
}

/** The settings of the `run`-th training of such a world. */
export function settingsOfRun(settings: Settings, run: number): Settings {
  const sets = formulaSets(settings);
  const formulas = sets[run % sets.length]!;
  if (formulas === null) return settings;
  return withWindows(settings, { ...settings.minutehand.windows, formulas });
}
