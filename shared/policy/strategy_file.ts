import * as z from 'zod';
import { handWrittenDefinitions } from '../core/features/features.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../core/features/instrument/definitions.ts';
import type { Windows } from '../core/features/windows.ts';
import { FormulaError } from '../core/formula/formula_error.ts';
import { lookBackOnProbabilities, readsProbabilities } from '../core/formula/probabilities.ts';
import { parseFormula, type Formula } from '../core/formula/formula.ts';
import { OPERATOR_BY_NAME } from '../core/formula/operators.ts';
import { pairRuleSources, ruleSources, type Sources } from '../core/formula/sources.ts';
import { MinutehandError } from '../errors.ts';
import { NO_LIMITS, type RuleLimits } from '../strategies/formula_rule/formula_rule.ts';
import { faultText } from './formula_fault.ts';
import { keyText, problemsError, valueText, type ConfigProblem } from './problem.ts';
import { didYouMean } from './spelling.ts';
import { readYamlFile, readYamlText, type YamlFile } from './yaml_file.ts';

/** What a strategy trades: two symbols against each other, or one. */
export const STRATEGY_SUBJECTS = ['instrument', 'pair'] as const;
export type StrategySubject = (typeof STRATEGY_SUBJECTS)[number];

/** Formulas of a strategy file: yes or no at each bar. */
export const STRATEGY_FORMULAS = ['entry_long', 'entry_short', 'exit'] as const;
export type StrategyFormula = (typeof STRATEGY_FORMULAS)[number];

/** A distance from the entry: basis points of the gross notional, or standard deviations of a pair's spread. */
const distance = z.strictObject({ bps: z.number().positive().optional(), sigmas: z.number().positive().optional() });
const formula = z.string().min(1);

export const STRATEGY_SCHEMA = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  description: z.string(),
  subject: z.enum(STRATEGY_SUBJECTS),
  thresholds: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), z.number()).optional(),
  entry_long: formula.optional(),
  entry_short: formula.optional(),
  exit: formula.optional(),
  stop: distance.optional(),
  target: distance.optional(),
  max_age: z.int().min(1).max(65_536),
  /** Rules that a search evaluated before it proposed this one; without it, one. */
  trials: z.int().min(1).optional(),
});
export type StrategyDocument = z.infer<typeof STRATEGY_SCHEMA>;

/** What each key expects, for its error. */
const EXPECTED: Readonly<Record<string, string>> = {
  name: 'lower-case letters, digits and _, a letter first',
  description: 'text',
  subject: 'instrument or pair',
  thresholds: 'names of numbers, such as hot: 70',
  entry_long: 'a formula, such as rsi(14) < 30',
  entry_short: 'a formula, such as rsi(14) > 70',
  exit: 'a formula, such as cross(close, mean(close, 24)) == 1',
  stop: 'a distance above 0, such as bps: 50, or of a pair sigmas: 1.5',
  target: 'a distance above 0, such as bps: 80, or of a pair sigmas: 2',
  max_age: 'a whole number of bars from 1 to 65536',
  trials: 'a whole number from 1 on: the rules that a search tried before it proposed this one',
};

/** A strategy that has been checked. */
export interface FormulaStrategy {
  readonly name: string;
  readonly description: string;
  readonly subject: StrategySubject;
  readonly thresholds: Readonly<Record<string, number>>;
  /** null: never. */
  readonly entryLong: Formula | null;
  readonly entryShort: Formula | null;
  readonly exit: Formula | null;
  readonly limits: RuleLimits;
}

const INSTRUMENT_SOURCES = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));

/** Whether any formula of a strategy reads the answers of a direction model. */
export function strategyReadsProbabilities({ entryLong, entryShort, exit }: FormulaStrategy): boolean {
  return [entryLong, entryShort, exit].some((formula) => formula !== null && readsProbabilities(formula));
}

/** What formulas of a subject may read. @param windows of the hand-written features of pairs */
export function strategySources(subject: StrategySubject, windows: Windows): Sources {
  return subject === 'pair' ? pairRuleSources(handWrittenDefinitions(windows)) : INSTRUMENT_SOURCES;
}

/**
 * Reads and checks a strategy file.
 * @param windows of the hand-written features of pairs
 * @throws MinutehandError CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID with every problem and its
 * line
 */
export function readStrategyFile(file: string, windows: Windows): FormulaStrategy {
  return readStrategyDocument(file, windows).strategy;
}

/** The same, with the document as the file has it. @throws MinutehandError as readStrategyFile */
export function readStrategyDocument(file: string, windows: Windows): StrategyRead {
  const read = readStrategy(readYamlFile(file), windows);
  if (Array.isArray(read)) throw problemsError(read);
  return read as StrategyRead;
}

/** A strategy and its document as it was written. */
export interface StrategyRead {
  readonly document: StrategyDocument;
  readonly strategy: FormulaStrategy;
}

/** The strategy of a text, or all that is wrong with it. @param file name in the places of problems */
export function readStrategyText(file: string, text: string, windows: Windows): StrategyRead | ConfigProblem[] {
  return readStrategy(readYamlText(file, text), windows);
}

function readStrategy(read: ReturnType<typeof readYamlFile>, windows: Windows): StrategyRead | ConfigProblem[] {
  if ('problems' in read) return read.problems;
  const { yaml } = read;
  const parsed = STRATEGY_SCHEMA.safeParse(yaml.value);
  if (!parsed.success) return parsed.error.issues.flatMap((issue) => problemsOf(issue, yaml));
  const checked = checkStrategy(parsed.data, windows, yaml.where);
  return Array.isArray(checked) ? checked : { document: parsed.data, strategy: checked as FormulaStrategy };
}

function problemsOf(issue: z.core.$ZodIssue, yaml: YamlFile): ConfigProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'CONFIG_UNKNOWN_KEY',
      where: yaml.where([...path, key]),
      key: keyText([...path, key]),
      text: `is no key of a strategy${didYouMean(key, path.length === 0 ? Object.keys(EXPECTED) : ['bps', 'sigmas'])}`,
    }));
  const value = path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null)?.[step], yaml.value);
  const expected = EXPECTED[String(path[0])] ?? 'the keys of a strategy, such as name and entry_long';
  const found = value === undefined ? 'is missing' : `is ${valueText(value)}`;
  return [
    { code: 'CONFIG_INVALID', where: yaml.where(path), key: keyText(path), text: `${found}, expected ${expected}` },
  ];
}

/**
 * The strategy of a document, or all that is wrong with it.
 * @param where place of a key
 */
export function checkStrategy(
  document: StrategyDocument,
  windows: Windows,
  where: (path: readonly PropertyKey[]) => string,
): FormulaStrategy | ConfigProblem[] {
  return checkWith(document, strategySources(document.subject, windows), where);
}

/**
 * The strategy of an instrument, of a document that was checked when it was written.
 * @param file that has it
 * @throws MinutehandError MODEL_MANIFEST
 */
export function instrumentStrategy(document: StrategyDocument, file: string): FormulaStrategy {
  const refuse = (seen: string): MinutehandError =>
    new MinutehandError('MODEL_MANIFEST', { seen: `${file}: ${seen}`, expected: 'the rule of an instrument' });
  if (document.subject !== 'instrument') throw refuse(`a strategy of a ${document.subject}`);
  const checked = checkWith(document, INSTRUMENT_SOURCES, keyText);
  if (Array.isArray(checked)) throw refuse(checked.map(({ key, text }) => `${key} ${text}`).join('; '));
  return checked as FormulaStrategy;
}

function checkWith(
  document: StrategyDocument,
  sources: Sources,
  where: (path: readonly PropertyKey[]) => string,
): FormulaStrategy | ConfigProblem[] {
  const { name, description, subject, thresholds = {}, stop, target, max_age } = document;
  const problems: ConfigProblem[] = [];
  const refuse = (path: readonly PropertyKey[], text: string): void =>
    void problems.push({ code: 'CONFIG_INVALID', where: where(path), key: keyText(path), text });
  for (const own of Object.keys(thresholds))
    if (sources.byName.has(own) || OPERATOR_BY_NAME.has(own))
      refuse(['thresholds', own], 'is the name of a source or an operator: choose another name');
  const numbers = new Map(Object.entries(thresholds));
  const used = new Set<string>();
  const formulaOf = (key: StrategyFormula): Formula | null => {
    const text = document[key];
    if (text === undefined) return null;
    for (const own of numbers.keys()) if (new RegExp(`\\b${own}\\b`).test(text)) used.add(own);
    try {
      const parsed = parseFormula(text, { ...sources, numbers });
      const lookBack = lookBackOnProbabilities(parsed);
      if (lookBack !== null) {
        refuse([key], `looks back over probabilities in ${lookBack}, expected those of the bar alone`);
        return null;
      }
      if (parsed.type === 'boolean') return parsed;
      refuse([key], `yields a number, expected yes or no at each bar: compare it, such as ${parsed.text} > 0`);
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      refuse([key], `is no formula: ${faultText(error)} (${error.code})`);
    }
    return null;
  };
  const entryLong = formulaOf('entry_long');
  const entryShort = formulaOf('entry_short');
  const exit = formulaOf('exit');
  for (const own of numbers.keys()) if (!used.has(own)) refuse(['thresholds', own], 'is used by no formula');
  if (document.entry_long === undefined && document.entry_short === undefined)
    refuse([], 'has neither entry_long nor entry_short, expected one at least');
  for (const key of ['stop', 'target'] as const) {
    const own = document[key];
    if (own === undefined) continue;
    if ((own.bps === undefined) === (own.sigmas === undefined)) refuse([key], `has both or none of bps and sigmas`);
    if (own.sigmas !== undefined && subject !== 'pair')
      refuse([key, 'sigmas'], 'is of the spread of a pair, expected bps for an instrument');
  }
  if (problems.length > 0) return problems;
  const limits: RuleLimits = {
    stopBps: stop?.bps ?? NO_LIMITS.stopBps,
    targetBps: target?.bps ?? NO_LIMITS.targetBps,
    stopSigmas: stop?.sigmas ?? NO_LIMITS.stopSigmas,
    targetSigmas: target?.sigmas ?? NO_LIMITS.targetSigmas,
    maxAgeBars: max_age,
  };
  return { name, description, subject, thresholds, entryLong, entryShort, exit, limits };
}
