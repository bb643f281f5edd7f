import type { FeatureDefinition } from '../features/feature.ts';
import { MODEL_NAMES } from '../features/feature.ts';
import { SUBJECT_ID } from '../../pair.ts';
import type { InstrumentDefinition, InstrumentWindows } from '../features/instrument/definitions.ts';
import type { Windows } from '../features/windows.ts';
import { parseFormula, type Formula } from './formula.ts';
import { FormulaError } from './formula_error.ts';
import { otherSourcesOf, symbolsOfSources } from './other_symbols.ts';
import { MAX_FORMULAS, MAX_SUBJECT_DOUBLES } from './limits.ts';
import { instrumentSources, pairSources, type Sources } from './sources.ts';

/** A formula that is a column of the feature schema. */
export interface NamedFormula {
  readonly name: string;
  readonly formula: Formula;
  /** Ids of the subjects that it is for; it is missing for all others. null = for all. */
  readonly subjects: readonly string[] | null;
}

/** A formula as a schema writes it down. */
export interface WrittenFormula {
  readonly name: string;
  /** Canonical. */
  readonly text: string;
  /** See `NamedFormula`; absent = for all. */
  readonly subjects?: readonly string[] | null;
}

/** Names of columns: those of hand-written features have the same form. */
export const COLUMN_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** `name`, or `name for XAUUSD_XAGUSD,EURUSD_GBPUSD`. */
const LEFT_SIDE = /^(\S+)(?: for (\S+))?$/;

/**
 * The formulas of a schema as `Windows.formulas` has them: a line `name = canonical text` for each, in their order; of
 * one that is for some subjects alone `name for XAUUSD_XAGUSD,EURUSD_GBPUSD = canonical text`.
 */
export function formulasText(formulas: readonly WrittenFormula[]): string {
  return formulas
    .map(({ name, text, subjects }) => {
      const named = subjects === null || subjects === undefined ? name : `${name} for ${[...subjects].sort().join()}`;
      return `${named} = ${text}`;
    })
    .join('\n');
}

/** Whether a formula is for the subject with this id. */
export function isFor({ subjects }: Pick<NamedFormula, 'subjects'>, id: string): boolean {
  return subjects === null || subjects.includes(id);
}

/** Other symbols whose bars the formulas that are for a subject read, sorted. */
export function otherSymbolsFor(formulas: readonly NamedFormula[], subjectId: string): string[] {
  return symbolsOfSources(otherSourcesOf(formulas.filter((formula) => isFor(formula, subjectId)))).sort();
}

const known = new WeakMap<object, readonly NamedFormula[]>();

/**
 * The formulas of pairs in these windows, checked against the hand-written features.
 * @throws FormulaError
 */
export function formulasOf(windows: Windows, features: readonly FeatureDefinition[]): readonly NamedFormula[] {
  return parsedOf(windows, features, pairSources);
}

/**
 * The formulas of instruments in these windows, checked against the hand-written features.
 * @throws FormulaError
 */
export function instrumentFormulasOf(
  windows: InstrumentWindows,
  features: readonly InstrumentDefinition[],
): readonly NamedFormula[] {
  return parsedOf(windows, features, instrumentSources);
}

function parsedOf<Definition extends { readonly name: string }>(
  windows: { readonly formulas?: string },
  features: readonly Definition[],
  sourcesOf: (features: readonly Definition[]) => Sources,
): readonly NamedFormula[] {
  const { formulas } = windows;
  if (formulas === undefined || formulas === '') return [];
  const parsed = known.get(windows) ?? parseFormulas(formulas, features, sourcesOf(features));
  known.set(windows, parsed);
  return parsed;
}

function parseFormulas(
  text: string,
  features: readonly { readonly name: string }[],
  sources: Sources,
): readonly NamedFormula[] {
  const taken = new Set(features.map(({ name }) => name));
  const formulas = text.split('\n').map((line): NamedFormula => {
    const at = line.indexOf(' = ');
    const [, name = '', given] = LEFT_SIDE.exec(line.slice(0, Math.max(0, at))) ?? [];
    const subjects = given?.split(',') ?? null;
    const stranger = subjects?.find((id) => !SUBJECT_ID.test(id));
    if (stranger !== undefined)
      throw new FormulaError('FORMULA_NAME', 1, `${name} is for "${stranger}", which is no subject`);
    if (!COLUMN_NAME.test(name) || taken.has(name))
      throw new FormulaError(
        'FORMULA_NAME',
        1,
        `${name === '' ? 'a formula without a name' : name} cannot be a column`,
      );
    taken.add(name);
    return { name, formula: parseFormula(line.slice(at + 3), sources), subjects };
  });
  checkTogether(formulas);
  return formulas;
}

/**
 * The limits of all formulas of a schema, and of those of each subject.
 * @throws FormulaError FORMULA_MEMORY
 */
export function checkTogether(formulas: readonly NamedFormula[]): void {
  if (formulas.length > MAX_FORMULAS)
    throw new FormulaError('FORMULA_MEMORY', 1, `${formulas.length} formulas; at most ${MAX_FORMULAS} are allowed`);
  // A subject that no formula names has what is for all.
  for (const id of ['', ...new Set(formulas.flatMap(({ subjects }) => subjects ?? []))]) {
    const own = formulas.filter((one) => isFor(one, id));
    const doubles = own.reduce((sum, { formula }) => sum + formula.doubles, 0);
    if (doubles > MAX_SUBJECT_DOUBLES)
      throw new FormulaError(
        'FORMULA_MEMORY',
        1,
        `all formulas keep ${doubles} numbers per subject; at most ${MAX_SUBJECT_DOUBLES} are allowed`,
      );
  }
}

const NO_VALUE = 'where the formula has no value';

/** The column of a formula in the feature schema. */
export function formulaDefinition({ name, formula, subjects }: NamedFormula): FeatureDefinition {
  return {
    name,
    formula: formula.text,
    window: formula.bars,
    ddof: null,
    warmup_bars: formula.bars,
    unit: formula.unit,
    models: MODEL_NAMES,
    missing: subjects === null ? NO_VALUE : `${NO_VALUE}, and for all but ${subjects.join(', ')}`,
  };
}
