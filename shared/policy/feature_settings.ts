import type { InstrumentWindows } from '../core/features/instrument/definitions.ts';
import type { Windows } from '../core/features/windows.ts';
import { formulasText } from '../core/formula/named_formulas.ts';
import type { Settings } from './policy.ts';
import { problemsError } from './problem.ts';

/**
 * The settings of a training in full: its feature schema has the formulas of `features.yaml`. Nothing else takes them
 * from the file: a bundle brings its formulas along.
 * @throws MinutehandError CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID for a file with problems
 */
export function withFormulas(settings: Settings): Settings {
  const { formulas, formulaProblems, minutehand } = settings;
  if (formulaProblems.length > 0) throw problemsError(formulaProblems);
  if (formulas.length === 0) return settings;
  return withWindows(settings, { ...minutehand.windows, formulas: formulasText(formulas) });
}

/**
 * The windows of a training of direction models: with the formulas of instruments of `features.yaml`.
 * @throws MinutehandError CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID for a file with problems
 */
export function withInstrumentFormulas(
  { instrumentFormulas: { formulas, problems } }: Pick<Settings, 'instrumentFormulas'>,
  windows: InstrumentWindows,
): InstrumentWindows {
  if (problems.length > 0) throw problemsError(problems);
  return formulas.length === 0 ? windows : { ...windows, formulas: formulasText(formulas) };
}

/** The settings with the windows and formulas of a schema in place of the configured ones. */
export function withWindows(settings: Settings, windows: Windows): Settings {
  return { ...settings, minutehand: { ...settings.minutehand, windows } };
}
