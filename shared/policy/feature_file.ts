import { join } from 'node:path';
import { handWrittenDefinitions } from '../core/features/features.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../core/features/instrument/definitions.ts';
import { FormulaError } from '../core/formula/formula_error.ts';
import { parseFormula, type Formula } from '../core/formula/formula.ts';
import { checkTogether, COLUMN_NAME, type NamedFormula } from '../core/formula/named_formulas.ts';
import { instrumentSources, pairSources, type Sources } from '../core/formula/sources.ts';
import { spellSubject, type SymbolNames } from '../symbol/symbol.ts';
import { faultText } from './formula_fault.ts';
import { configuredSubject } from './known_subject.ts';
import { isMapping } from './mapping.ts';
import { keyText, valueText, type ConfigProblem } from './problem.ts';
import type { MinutehandSettings } from './schema.ts';
import { didYouMean } from './spelling.ts';
import type { SubjectGroups } from './subject_groups.ts';
import { symbolNames } from './symbol_names.ts';
import { readYamlFile, type YamlFile } from './yaml_file.ts';
import { isThere } from '../files.ts';

/** Formulas that become columns of the next training. The file may be absent. */
export const FEATURE_FILE = 'features.yaml';

const TEXTS = ['label', 'label_ja', 'description'];
const KEYS = ['formula', 'for', ...TEXTS];
/** Names in `for` that mean all subjects of a strategy. */
const ALL_PAIRS = 'pairs';
const ALL_INSTRUMENTS = 'instruments';

/** A formula of a user. */
export interface FeatureFormula {
  readonly name: string;
  /** Canonical. */
  readonly text: string;
  /** Of `label`; the name where there is none. */
  readonly label: string;
  readonly description: string | null;
  /** Ids of the subjects that it is for; it is missing for all others of the strategy. null = for all. */
  readonly subjects: readonly string[] | null;
}

/** The formulas of a strategy, or all that is wrong with them. */
export interface StrategyFormulas {
  readonly formulas: readonly FeatureFormula[];
  readonly problems: readonly ConfigProblem[];
}

export interface FeatureFile {
  /** Columns of the models of pairs. */
  readonly pairs: StrategyFormulas;
  /** Columns of the direction models. */
  readonly instruments: StrategyFormulas;
}

/** What the formulas of a file are checked against. */
export type FeatureFileContext = Pick<
  MinutehandSettings,
  'windows' | 'pairs' | 'instruments' | 'symbols' | 'symbol_names'
> & { readonly train: { readonly groups?: SubjectGroups | undefined } };

export const NO_FORMULAS: FeatureFile = {
  pairs: { formulas: [], problems: [] },
  instruments: { formulas: [], problems: [] },
};

/**
 * The formulas of `features.yaml`, checked against the hand-written features and the subjects of the configuration, or
 * all that is wrong with them. One without `for` is for all pairs, and for no instrument.
 */
export function readFeatureFile(configDir: string, context: FeatureFileContext): FeatureFile {
  const file = join(configDir, FEATURE_FILE);
  if (!isThere(file)) return NO_FORMULAS;
  const read = readYamlFile(file);
  if ('problems' in read) return faulty(read.problems);
  const { value } = read.yaml;
  // Comments alone.
  if (value === null || value === undefined) return NO_FORMULAS;
  if (!isMapping(value)) {
    const text = `is ${valueText(value)}, expected names of formulas, such as my_momentum: ema(a.close, 24) / a.close - 1`;
    return faulty([{ code: 'CONFIG_INVALID', where: file, key: '', text }]);
  }
  const reader = new Reader(read.yaml, context);
  for (const [name, entry] of Object.entries(value)) reader.take(name, entry);
  return reader.finish(file);
}

/** All that is wrong with a file: a problem of both strategies once. */
export function problemsOf({ pairs, instruments }: FeatureFile): ConfigProblem[] {
  const textOf = ({ where, key, text }: ConfigProblem): string => `${where} ${key} ${text}`;
  const ofPairs = new Set(pairs.problems.map(textOf));
  return [...pairs.problems, ...instruments.problems.filter((problem) => !ofPairs.has(textOf(problem)))];
}

/** Nothing of the file can be read. */
function faulty(problems: readonly ConfigProblem[]): FeatureFile {
  return { pairs: { formulas: [], problems }, instruments: { formulas: [], problems } };
}

/** Whether a formula can be a column: values in the unit of a price or a volume differ from subject to subject. */
export function fitsColumn({ unit }: Pick<Formula, 'unit'>): boolean {
  return unit === 'number' || unit === 'yes or no';
}

/** What is read of a strategy. */
class StrategyReader implements StrategyFormulas {
  readonly formulas: FeatureFormula[] = [];
  readonly parsed: NamedFormula[] = [];
  readonly problems: ConfigProblem[] = [];
  readonly sources: Sources;
  readonly taken: ReadonlySet<string>;
  /** `pair`, in messages. */
  readonly noun: string;

  constructor(noun: string, sources: Sources, written: readonly { readonly name: string }[]) {
    this.noun = noun;
    this.sources = sources;
    this.taken = new Set(written.map(({ name }) => name));
  }
}

/** A strategy that a formula is for, and its subjects; null = all. */
interface Target {
  readonly strategy: StrategyReader;
  readonly subjects: readonly string[] | null;
}

class Reader {
  readonly #yaml: YamlFile;
  readonly #pairs: StrategyReader;
  readonly #instruments: StrategyReader;
  readonly #context: FeatureFileContext;
  readonly #groups: SubjectGroups;
  readonly #names: SymbolNames;

  constructor(yaml: YamlFile, context: FeatureFileContext) {
    const ofPairs = handWrittenDefinitions(context.windows);
    const ofInstruments = instrumentDefinitions(INSTRUMENT_WINDOWS);
    this.#yaml = yaml;
    this.#pairs = new StrategyReader('pair', pairSources(ofPairs), ofPairs);
    this.#instruments = new StrategyReader('instrument', instrumentSources(ofInstruments), ofInstruments);
    this.#context = context;
    this.#groups = context.train.groups ?? {};
    this.#names = symbolNames({ minutehand: context });
  }

  take(name: string, entry: unknown): void {
    const given = isMapping(entry) ? entry['for'] : undefined;
    const targets = given === undefined ? [{ strategy: this.#pairs, subjects: null }] : this.#targets(name, given);
    if (targets === null) return;
    const refuse = (path: readonly string[], text: string, code?: ConfigProblem['code']): void => {
      for (const { strategy } of targets) this.#refuse(strategy, path, text, code);
    };
    if (!COLUMN_NAME.test(name))
      return refuse([name], 'is no name of a column: expected lower-case letters, digits and _, a letter first');
    if (typeof entry === 'string') return this.#parse(targets, name, entry, [name], {});
    if (!isMapping(entry)) return refuse([name], `is ${valueText(entry)}, expected a formula`);
    const unknown = Object.keys(entry).filter((key) => !KEYS.includes(key));
    for (const key of unknown)
      refuse([name, key], `is no key of a formula${didYouMean(key, KEYS)}`, 'CONFIG_UNKNOWN_KEY');
    for (const key of TEXTS)
      if (entry[key] !== undefined && typeof entry[key] !== 'string')
        refuse([name, key], `is ${valueText(entry[key])}, expected text`);
    if (typeof entry['formula'] !== 'string')
      return refuse([name], 'has no formula: expected formula: <text>, such as formula: zscore(a.close, 240)');
    this.#parse(targets, name, entry['formula'], [name, 'formula'], entry);
  }

  #parse(
    targets: readonly Target[],
    name: string,
    text: string,
    path: readonly string[],
    { label, description }: Readonly<Record<string, unknown>>,
  ): void {
    for (const { strategy, subjects } of targets) {
      const { noun, sources, taken } = strategy;
      if (taken.has(name)) {
        this.#refuse(strategy, [name], 'is a hand-written feature: choose another name');
        continue;
      }
      try {
        const formula = parseFormula(text, sources);
        if (!fitsColumn(formula)) {
          const { unit } = formula;
          const fault = `has the unit ${unit}, which differs from ${noun} to ${noun}: divide by what has the same unit`;
          this.#refuse(strategy, path, fault);
          continue;
        }
        strategy.parsed.push({ name, formula, subjects });
        strategy.formulas.push({
          name,
          text: formula.text,
          label: typeof label === 'string' ? label : name,
          description: typeof description === 'string' ? description : null,
          subjects,
        });
      } catch (error) {
        if (!(error instanceof FormulaError)) throw error;
        this.#refuse(strategy, path, `is no formula: ${faultText(error)}`);
      }
    }
  }

  /** What `for` names; null where one of its names is refused. */
  #targets(name: string, given: unknown): Target[] | null {
    const path = [name, 'for'];
    const refuseAll = (text: string): null => {
      for (const strategy of [this.#pairs, this.#instruments]) this.#refuse(strategy, path, text);
      return null;
    };
    const names = Array.isArray(given) ? (given as readonly unknown[]) : [given];
    if (names.length === 0 || !names.every((one) => typeof one === 'string'))
      return refuseAll(
        `is ${valueText(given)}, expected pairs, instruments, a pair, an instrument or a group of train.groups, or a list of them`,
      );
    const twice = names.find((one) => isAll(one) && Object.hasOwn(this.#groups, one));
    if (twice !== undefined) return refuseAll(`names "${twice}", which is also a group: give the group another name`);
    const { pairs, instruments } = this.#context;
    const ofPairs: string[] = [];
    const ofInstruments: string[] = [];
    for (const one of names) {
      if (isAll(one)) continue;
      const pair = Object.hasOwn(this.#groups, one) ? null : configuredSubject(one, pairs, this.#names, 'pair');
      const instrument = configuredSubject(one, instruments, this.#names, 'instrument');
      if (Object.hasOwn(this.#groups, one)) ofPairs.push(...this.#groups[one]!);
      else if (pair !== null) ofPairs.push(pair);
      else if (instrument !== null) ofInstruments.push(instrument);
      else {
        const known = [ALL_PAIRS, ALL_INSTRUMENTS, ...Object.keys(this.#groups), ...pairs, ...instruments];
        const meant = didYouMean(spellSubject(one, this.#names), known);
        return refuseAll(`names "${one}", which is neither a pair nor an instrument nor a group${meant}`);
      }
    }
    return [
      ...targetOf(this.#pairs, names.includes(ALL_PAIRS), ofPairs),
      ...targetOf(this.#instruments, names.includes(ALL_INSTRUMENTS), ofInstruments),
    ];
  }

  /** Checks the limits of all of them together. */
  finish(file: string): FeatureFile {
    for (const { parsed, problems } of [this.#pairs, this.#instruments])
      try {
        checkTogether(parsed);
      } catch (error) {
        if (!(error instanceof FormulaError)) throw error;
        problems.push({ code: 'CONFIG_INVALID', where: file, key: '', text: error.reason });
      }
    return { pairs: this.#pairs, instruments: this.#instruments };
  }

  #refuse(
    { problems }: StrategyReader,
    path: readonly string[],
    text: string,
    code: ConfigProblem['code'] = 'CONFIG_INVALID',
  ): void {
    problems.push({ code, where: this.#yaml.where(path), key: keyText(path), text });
  }
}

function isAll(name: string): boolean {
  return name === ALL_PAIRS || name === ALL_INSTRUMENTS;
}

/** @returns nothing where the formula is for no subject of the strategy */
function targetOf(strategy: StrategyReader, isForAll: boolean, ids: readonly string[]): Target[] {
  if (isForAll) return [{ strategy, subjects: null }];
  return ids.length === 0 ? [] : [{ strategy, subjects: [...new Set(ids)].sort() }];
}
