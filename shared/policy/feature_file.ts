import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { handWrittenDefinitions } from '../core/features/features.ts';
import { FormulaError } from '../core/formula/formula_error.ts';
import { parseFormula, type Formula } from '../core/formula/formula.ts';
import { checkTogether, COLUMN_NAME, type NamedFormula } from '../core/formula/named_formulas.ts';
import { pairSources, type Sources } from '../core/formula/sources.ts';
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

/** Formulas that become columns of the next training. The file may be absent. */
export const FEATURE_FILE = 'features.yaml';

const TEXTS = ['label', 'label_ja', 'description'];
const KEYS = ['formula', 'for', ...TEXTS];

/** A formula of a user. */
export interface FeatureFormula {
  readonly name: string;
  /** Canonical. */
  readonly text: string;
  /** Of `label`; the name where there is none. */
  readonly label: string;
  readonly description: string | null;
  /** Ids of the pairs that it is for; it is missing for all others. null = for all. */
  readonly subjects: readonly string[] | null;
}

/** What the formulas of a file are checked against. */
export type FeatureFileContext = Pick<
  MinutehandSettings,
  'windows' | 'pairs' | 'instruments' | 'symbols' | 'symbol_names'
> & { readonly train: { readonly groups?: SubjectGroups | undefined } };

/**
 * The formulas of `features.yaml`, checked against the hand-written features and the subjects of the configuration, or
 * all that is wrong with them.
 */
export function readFeatureFile(
  configDir: string,
  context: FeatureFileContext,
): { readonly formulas: readonly FeatureFormula[]; readonly problems: readonly ConfigProblem[] } {
  const file = join(configDir, FEATURE_FILE);
  if (!existsSync(file)) return { formulas: [], problems: [] };
  const read = readYamlFile(file);
  if ('problems' in read) return { formulas: [], problems: read.problems };
  const { value } = read.yaml;
  // Comments alone.
  if (value === null || value === undefined) return { formulas: [], problems: [] };
  if (!isMapping(value)) {
    const text = `is ${valueText(value)}, expected names of formulas, such as my_momentum: ema(a.close, 24) / a.close - 1`;
    return { formulas: [], problems: [{ code: 'CONFIG_INVALID', where: file, key: '', text }] };
  }
  const reader = new Reader(read.yaml, context);
  for (const [name, entry] of Object.entries(value)) reader.take(name, entry);
  reader.checkAll(file);
  return reader;
}

/** Whether a formula can be a column: values in the unit of a price or a volume differ from pair to pair. */
export function fitsColumn({ unit }: Pick<Formula, 'unit'>): boolean {
  return unit === 'number' || unit === 'yes or no';
}

class Reader {
  readonly formulas: FeatureFormula[] = [];
  readonly #parsed: NamedFormula[] = [];
  readonly problems: ConfigProblem[] = [];
  readonly #yaml: YamlFile;
  readonly #sources: Sources;
  readonly #taken: ReadonlySet<string>;
  readonly #pairs: readonly string[];
  readonly #groups: SubjectGroups;
  readonly #names: SymbolNames;

  constructor(yaml: YamlFile, context: FeatureFileContext) {
    const written = handWrittenDefinitions(context.windows);
    this.#yaml = yaml;
    this.#pairs = context.pairs;
    this.#groups = context.train.groups ?? {};
    this.#names = symbolNames({ minutehand: context });
    this.#sources = pairSources(written);
    this.#taken = new Set(written.map(({ name }) => name));
  }

  take(name: string, entry: unknown): void {
    if (!COLUMN_NAME.test(name))
      return this.#refuse([name], 'is no name of a column: expected lower-case letters, digits and _, a letter first');
    if (this.#taken.has(name)) return this.#refuse([name], 'is a hand-written feature: choose another name');
    if (typeof entry === 'string') return this.#parse(name, entry, [name], {});
    if (!isMapping(entry)) return this.#refuse([name], `is ${valueText(entry)}, expected a formula`);
    const unknown = Object.keys(entry).filter((key) => !KEYS.includes(key));
    for (const key of unknown)
      this.#refuse([name, key], `is no key of a formula${didYouMean(key, KEYS)}`, 'CONFIG_UNKNOWN_KEY');
    for (const key of TEXTS)
      if (entry[key] !== undefined && typeof entry[key] !== 'string')
        this.#refuse([name, key], `is ${valueText(entry[key])}, expected text`);
    if (typeof entry['formula'] !== 'string')
      return this.#refuse([name], 'has no formula: expected formula: <text>, such as formula: zscore(a.close, 240)');
    this.#parse(name, entry['formula'], [name, 'formula'], entry);
  }

  #parse(name: string, text: string, path: readonly string[], entry: Readonly<Record<string, unknown>>): void {
    const { label, description, for: given } = entry;
    const subjects = given === undefined ? null : this.#subjects(name, given);
    if (subjects === undefined) return;
    try {
      const formula = parseFormula(text, this.#sources);
      if (!fitsColumn(formula))
        return this.#refuse(
          path,
          `has the unit ${formula.unit}, which differs from pair to pair: divide by what has the same unit`,
        );
      this.#parsed.push({ name, formula, subjects });
      this.formulas.push({
        name,
        text: formula.text,
        label: typeof label === 'string' ? label : name,
        description: typeof description === 'string' ? description : null,
        subjects,
      });
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.#refuse(path, `is no formula: ${faultText(error)}`);
    }
  }

  /** The pairs that `for` names, or undefined where one of its names is refused. */
  #subjects(name: string, given: unknown): readonly string[] | undefined {
    const path = [name, 'for'];
    const names = Array.isArray(given) ? (given as readonly unknown[]) : [given];
    if (names.length === 0 || !names.every((one) => typeof one === 'string')) {
      this.#refuse(path, `is ${valueText(given)}, expected a pair or a group of train.groups, or a list of them`);
      return undefined;
    }
    const found = names.map((one) => this.#membersOf(one));
    for (const [index, one] of names.entries())
      if (found[index] === null)
        this.#refuse(path, `names "${one}", which is neither a pair nor a group${this.#nearest(one)}`);
    return found.includes(null) ? undefined : [...new Set(found.flatMap((ids) => ids ?? []))].sort();
  }

  /** The pairs of a group, or the pair that a text means in any spelling; null = it is neither. */
  #membersOf(name: string): readonly string[] | null {
    if (Object.hasOwn(this.#groups, name)) return this.#groups[name]!;
    const id = configuredSubject(name, this.#pairs, this.#names, 'pair');
    return id === null ? null : [id];
  }

  #nearest(name: string): string {
    return didYouMean(spellSubject(name, this.#names, 'pair'), [...Object.keys(this.#groups), ...this.#pairs]);
  }

  /** The limits of all of them together. */
  checkAll(file: string): void {
    try {
      checkTogether(this.#parsed);
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.problems.push({ code: 'CONFIG_INVALID', where: file, key: '', text: error.reason });
    }
  }

  #refuse(path: readonly string[], text: string, code: ConfigProblem['code'] = 'CONFIG_INVALID'): void {
    this.problems.push({ code, where: this.#yaml.where(path), key: keyText(path), text });
  }
}
