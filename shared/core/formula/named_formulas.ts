import type { FeatureDefinition } from '../features/feature.ts';
import { MODEL_NAMES } from '../features/feature.ts';
import type { Windows } from '../features/windows.ts';
import { parseFormula, type Formula } from './formula.ts';
import { FormulaError } from './formula_error.ts';
import { MAX_FORMULAS, MAX_SUBJECT_DOUBLES } from './limits.ts';
import { pairSources } from './sources.ts';

/** A formula that is a column of the feature schema. */
export interface NamedFormula {
  readonly name: string;
  readonly formula: Formula;
}

/** Names of columns: those of hand-written features have the same form. */
export const COLUMN_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** The formulas of a schema as `Windows.formulas` has them: a line `name = canonical text` for each, in their order. */
export function formulasText(formulas: readonly { readonly name: string; readonly text: string }[]): string {
  return formulas.map(({ name, text }) => `${name} = ${text}`).join('\n');
}

const known = new WeakMap<Windows, readonly NamedFormula[]>();

/**
 * The formulas of these windows, checked against the hand-written features.
 * @throws FormulaError
 */
export function formulasOf(windows: Windows, features: readonly FeatureDefinition[]): readonly NamedFormula[] {
  const { formulas } = windows;
  if (formulas === undefined || formulas === '') return [];
  const parsed = known.get(windows) ?? parseFormulas(formulas, features);
  known.set(windows, parsed);
  return parsed;
}

function parseFormulas(text: string, features: readonly FeatureDefinition[]): readonly NamedFormula[] {
  const sources = pairSources(features);
  const taken = new Set(features.map(({ name }) => name));
  const formulas = text.split('\n').map((line): NamedFormula => {
    const at = line.indexOf(' = ');
    const name = line.slice(0, Math.max(0, at));
    if (!COLUMN_NAME.test(name) || taken.has(name))
      throw new FormulaError(
        'FORMULA_NAME',
        1,
        `${name === '' ? 'a formula without a name' : name} cannot be a column`,
      );
    taken.add(name);
    return { name, formula: parseFormula(line.slice(at + 3), sources) };
  });
  checkTogether(formulas);
  return formulas;
}

/**
 * The limits of all formulas of a subject.
 * @throws FormulaError FORMULA_MEMORY
 */
export function checkTogether(formulas: readonly NamedFormula[]): void {
  if (formulas.length > MAX_FORMULAS)
    throw new FormulaError('FORMULA_MEMORY', 1, `${formulas.length} formulas; at most ${MAX_FORMULAS} are allowed`);
  const doubles = formulas.reduce((sum, { formula }) => sum + formula.doubles, 0);
  if (doubles <= MAX_SUBJECT_DOUBLES) return;
  throw new FormulaError(
    'FORMULA_MEMORY',
    1,
    `all formulas keep ${doubles} numbers per subject; at most ${MAX_SUBJECT_DOUBLES} are allowed`,
  );
}

/** The column of a formula in the feature schema. */
export function formulaDefinition({ name, formula }: NamedFormula): FeatureDefinition {
  return {
    name,
    formula: formula.text,
    window: formula.bars,
    ddof: null,
    warmup_bars: formula.bars,
    unit: formula.unit,
    models: MODEL_NAMES,
    missing: 'where the formula has no value',
  };
}
