import { dirname, join, resolve } from 'node:path';
import { parseEntryWindows } from '../core/cost/entry_window.ts';
import { sequenceBars, type Windows } from '../core/features/windows.ts';
import type { NewsEvent } from '../core/news/news_event.ts';
import type { DecisionPolicy as CoreDecisionPolicy } from '../strategies/pair_reversion/pair_input.ts';
import type { ScreenPolicy } from '../core/screen/bar_screen.ts';
import { MinutehandError } from '../errors.ts';
import { barSecondsOf, isInstrument, parsePair, parseSubject, timeframeOf } from '../pair.ts';
import type { Pair } from '../pair.ts';
import { packageRoot } from '../root.ts';
import { deliveredValues } from './delivered.ts';
import { findInconsistencies, ownPort, pairList } from './consistency.ts';
import type { Parts } from './consistency.ts';
import { OVERRIDES } from './environment.ts';
import {
  NO_FORMULAS,
  problemsOf,
  readFeatureFile,
  type FeatureFile,
  type FeatureFormula,
  type StrategyFormulas,
} from './feature_file.ts';
import { checkFile } from './file_check.ts';
import type { KeyPath } from './file_check.ts';
import { allowed, jsonSchema, schemaAt } from './json_schema.ts';
import { exposurePolicy } from './exposure_limits.ts';
import { newsPolicy } from './news_stop.ts';
import { leveragePolicy } from './leverage_steps.ts';
import { policyHash } from './policy_hash.ts';
import { keyText, problemsError, valueText } from './problem.ts';
import type { ConfigProblem } from './problem.ts';
import { CONFIG_FILES, policyKeys } from './schema.ts';
import type { ConfigPart, MinutehandSettings } from './schema.ts';
import { noteApproved } from '../effective_advice.ts';
import { readApproved, type Approved } from './approved.ts';
import { homePaths } from '../home.ts';
import { rememberSecrets } from '../secrets.ts';
import { didYouMean } from './spelling.ts';
import { withSpelledSymbols } from './symbol_names.ts';
import { readUnifiedFile, type ConfigSource } from './unified_file.ts';
import { readYamlFile } from './yaml_file.ts';
import type { YamlFile } from './yaml_file.ts';

export type * from './schema.ts';
export type { ConfigProblem } from './problem.ts';

/** Source of the settings. */
export interface SettingsSources {
  readonly configDir: string;
  /** The change that was approved and applied last, in whose folder the files are; null = the files are a person's. */
  readonly approved: Approved | null;
  readonly files: Readonly<Record<ConfigPart, string>>;
  /** Environment variables that won over a file, with the setting they set, e.g. `transports.daemon.port`. */
  readonly overrides: readonly { readonly variable: string; readonly setting: string }[];
  /** Keys that the policy files lack, e.g. `signals.archive_region`: these have their delivered values. */
  readonly delivered: readonly string[];
}

/** The whole configuration, checked and frozen. Names are those of the files. */
export interface Settings extends Parts {
  /** Sixteen hex digits over everything that affects decisions; part of every signal. */
  readonly policyHash: string;
  /** Columns of the next training, beside the hand-written ones: those of `features.yaml`. */
  readonly formulas: readonly FeatureFormula[];
  /** What is wrong with those formulas: a training in full is refused, and nothing that runs. */
  readonly formulaProblems: readonly ConfigProblem[];
  /** The same of the next training of direction models. */
  readonly instrumentFormulas: StrategyFormulas;
  /** 1: of a journal of the first version, whose arithmetic of decisions it has; absent: the newest. */
  readonly rules?: 1;
  /** The economic calendar, where someone has read it from the store: backtests and trainings do. */
  readonly news?: readonly NewsEvent[];
  readonly sources: SettingsSources;
}

export interface LoadOptions {
  /**
   * Folder of the four files. Else that of the approved configuration of this home, else MINUTEHAND_CONFIG, else
   * `config/` of the package.
   */
  readonly configDir?: string;
  /** One file in place of that folder (unified_file.ts). */
  readonly configFile?: string;
  /** The environment; `process.env` unless given. An empty variable is an unset one. */
  readonly env?: NodeJS.ProcessEnv;
}

const PARTS = Object.keys(CONFIG_FILES) as ConfigPart[];

/** A policy file keeps its values in `{value, label_ja, description}`; the other file has them plain. */
function isPolicyFile(part: ConfigPart): boolean {
  return part !== 'minutehand';
}

/** `['theta_step']` → `['theta_step', 'value']` where the file has entries. */
function pathInFile(part: ConfigPart, path: KeyPath): KeyPath {
  return isPolicyFile(part) && path.length > 0 ? [path[0]!, 'value', ...path.slice(1)] : path;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The values of a file without labels and descriptions. */
function valuesOf(part: ConfigPart, content: unknown): Record<string, unknown> {
  const record = asRecord(content);
  if (!isPolicyFile(part)) return record;
  return Object.fromEntries(Object.entries(record).map(([key, entry]) => [key, asRecord(entry)['value']]));
}

/** Sets a value where its section is there; a section that is missing has been reported already. */
function setAt(values: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let section: unknown = values;
  for (const key of path.slice(0, -1)) section = asRecord(section)[key];
  if (typeof section === 'object' && section !== null) (section as Record<string, unknown>)[path.at(-1)!] = value;
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.every((step, index) => path[index] === step);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/** Overrides `values` by the environment, in place. Returns the values set and the failures. */
function applyEnvironment(
  values: Record<ConfigPart, Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): { overrides: SettingsSources['overrides']; problems: ConfigProblem[] } {
  const overrides: { variable: string; setting: string }[] = [];
  const problems: ConfigProblem[] = [];
  for (const { variable, part, path, schema, read } of OVERRIDES) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const parsed = schema.safeParse(read(text));
    if (parsed.success) {
      setAt(values[part], path, parsed.data);
      overrides.push({ variable, setting: keyText(path) });
    } else {
      const expected = allowed(schemaAt(jsonSchema(part), pathInFile(part, path)) ?? {});
      const where = `environment variable ${variable}`;
      problems.push({ code: 'CONFIG_INVALID', where, key: '', text: `is ${valueText(text)}, expected ${expected}` });
    }
  }
  return { overrides, problems };
}

/** Paths of the four files of a configuration folder. */
export function configPaths(configDir: string): readonly string[] {
  return PARTS.map((part) => join(configDir, CONFIG_FILES[part]));
}

/** The files of a folder, or what one file has in their place. */
function configSources(file: string | undefined, configDir: string): Record<ConfigPart, ConfigSource> {
  if (file !== undefined) return readUnifiedFile(resolve(file));
  const sources = PARTS.map((part): [ConfigPart, ConfigSource] => {
    const own = join(configDir, CONFIG_FILES[part]);
    return [part, { file: own, read: readYamlFile(own) }];
  });
  return Object.fromEntries(sources) as Record<ConfigPart, ConfigSource>;
}

/** The folder that a person edits. */
export function ownConfigDir(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['MINUTEHAND_CONFIG'] || join(packageRoot(), 'config'));
}

function approvedOf(env: NodeJS.ProcessEnv, problems: ConfigProblem[]): Approved | null {
  try {
    return readApproved(homePaths(env).policy);
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'CONFIG_UNAPPROVED') throw error;
    problems.push({ code: error.code, where: error.seen ?? '', key: '', text: 'is not what was approved' });
    return null;
  }
}

/**
 * Reads and checks the configuration without throwing: the settings, or everything that is wrong with them. Settings
 * whose problems are of `features.yaml` alone are there.
 */
export function inspectSettings(options: LoadOptions = {}): { settings: Settings | null; problems: ConfigProblem[] } {
  const env = options.env ?? process.env;
  const problems: ConfigProblem[] = [];
  const isNamed = options.configDir !== undefined || options.configFile !== undefined;
  const approved = isNamed ? null : approvedOf(env, problems);
  const sourceOf = configSources(
    options.configFile,
    resolve(options.configDir ?? approved?.folder ?? ownConfigDir(env)),
  );
  const files = Object.fromEntries(PARTS.map((part) => [part, sourceOf[part].file])) as Record<ConfigPart, string>;
  const configDir = dirname(files.minutehand);
  const yamls: Partial<Record<ConfigPart, YamlFile>> = {};
  const faulty: { part: ConfigPart; path: KeyPath }[] = [];
  const delivered: string[] = [];
  const values = { core: {}, retrain: {}, signals: {}, minutehand: {} } as Record<ConfigPart, Record<string, unknown>>;

  for (const part of PARTS) {
    const { read } = sourceOf[part];
    if ('problems' in read) {
      problems.push(...read.problems);
      faulty.push({ part, path: [] });
      continue;
    }
    const yaml = part === 'minutehand' ? { ...read.yaml, value: withSpelledSymbols(read.yaml.value) } : read.yaml;
    yamls[part] = yaml;
    const check = checkFile(part, yaml);
    problems.push(...check.problems);
    faulty.push(...check.faulty.map((path) => ({ part, path })));
    const own = valuesOf(part, yaml.value);
    const absent = policyKeys(part).filter((key) => !Object.hasOwn(own, key));
    values[part] = { ...deliveredValues(part, absent), ...own };
    delivered.push(...absent.map((key) => `${part}.${key}`));
  }

  const environment = applyEnvironment(values, env);
  problems.push(...environment.problems);

  const parts = values as unknown as Parts;
  const isFaulty = (part: ConfigPart, path: KeyPath): boolean => {
    const inFile = pathInFile(part, path);
    return faulty.some((one) => one.part === part && (startsWith(one.path, inFile) || startsWith(inFile, one.path)));
  };
  for (const { part, path, text } of findInconsistencies(parts, isFaulty)) {
    const inFile = pathInFile(part, path);
    const where = yamls[part]?.where(inFile) ?? files[part];
    const set = environment.overrides.filter(({ setting }) => setting.split('.')[0] === path[0]);
    const by = set.length === 0 ? '' : `; the environment sets ${set.map(({ variable }) => variable).join(', ')}`;
    problems.push({ code: 'CONFIG_INVALID', where, key: keyText(inFile), text: `${text}${by}` });
  }
  const features = formulasOf(parts, isFaulty, isNamed ? configDir : ownConfigDir(env));
  if (problems.length > 0) return { settings: null, problems: [...problems, ...problemsOf(features)] };

  rememberSecrets(parts);
  setTimeframes(parts.minutehand);
  noteApproved(approved?.change_id ?? null);
  const hash = policyHash(parts.core, parts.minutehand.decision, parts.minutehand.symbols);
  const sources: SettingsSources = { configDir, approved, files, overrides: environment.overrides, delivered };
  const { formulas, problems: formulaProblems } = features.pairs;
  const instrumentFormulas = features.instruments;
  const settings = { ...parts, formulas, formulaProblems, instrumentFormulas, policyHash: hash, sources };
  return { settings: deepFreeze(settings), problems: problemsOf(features) };
}

/** Of the folder that a person edits: formulas decide nothing until a training has proven them. */
function formulasOf(
  { minutehand }: Parts,
  isFaulty: (part: ConfigPart, path: KeyPath) => boolean,
  configDir: string,
): FeatureFile {
  const read = [['windows'], ['pairs'], ['instruments'], ['symbols'], ['symbol_names'], ['train', 'groups']];
  if (read.some((path) => isFaulty('minutehand', path))) return NO_FORMULAS;
  return readFeatureFile(configDir, minutehand);
}

/**
 * The settings of this installation: four files of one folder, with environment variables on top.
 * @throws MinutehandError CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY or CONFIG_INVALID, the severest of what
 * was found; its message lists every problem with file, line, key, what was seen and what was expected.
 */
export function loadSettings(options: LoadOptions = {}): Settings {
  const { settings, problems } = inspectSettings(options);
  if (settings === null) throw problemsError(problems);
  return settings;
}

/** Adds the timeframes of the pairs to the look-backs, and so to the feature schema; one minute alone is not added. */
export function setTimeframes(minutehand: MinutehandSettings): void {
  const seconds = [...new Set(minutehand.pairs.map((id) => barSecondsOf(parsePair(id))))].sort((a, b) => a - b);
  const timeframes = seconds.map(timeframeOf).join();
  if (timeframes !== '1m') Object.assign(minutehand.windows, { timeframes });
}

/** The policy of `decide`: the rules of minutehand.yaml, and those of core_policy.yaml for entries. */
export function decisionPolicy({
  minutehand,
  core,
  rules,
  news: events,
}: Pick<Settings, 'minutehand' | 'core' | 'rules' | 'news'>): CoreDecisionPolicy {
  const { require_edge, no_entry_windows, min_expected_net_bps, novelty_min } = core;
  const leverage = leveragePolicy(core, minutehand.symbols);
  const exposure = exposurePolicy(core);
  const news = newsPolicy(core, events);
  return {
    ...minutehand.decision,
    require_edge,
    no_entry_windows: parseEntryWindows(no_entry_windows),
    min_expected_net_bps,
    ...(exposure && { exposure }),
    ...(news && { news }),
    ...(novelty_min !== null && { novelty_min }),
    ...(leverage && { leverage: rules === 1 ? { ...leverage, logReturns: true } : leverage }),
    ...(rules === 1 && { rules }),
  };
}

/** Horizon of AI1's label in bars of the longest timeframe of the pairs, seconds. */
export function horizonSeconds({ label, pairs }: Pick<MinutehandSettings, 'label' | 'pairs'>): number {
  return label.horizon_bars * Math.max(...pairs.map((id) => barSecondsOf(parsePair(id))));
}

/**
 * Time that has to lie between the labels of training rows and the rows that test them: the horizon of the labels, and
 * where models get the rows of several bars together, the time of these bars.
 */
export function embargoSeconds({
  label,
  pairs,
  windows,
}: Pick<MinutehandSettings, 'label' | 'pairs'> & { readonly windows: Windows }): number {
  const horizon_bars = label.horizon_bars + sequenceBars(windows) - 1;
  return horizonSeconds({ label: { ...label, horizon_bars }, pairs });
}

/** Screening of bars for bad ticks; null = none. */
export function screenPolicy({ minutehand: { screen } }: Pick<Settings, 'minutehand'>): ScreenPolicy | null {
  return screen.enabled ? screen : null;
}

/** Configuration of one daemon process. */
export interface Shard {
  readonly name: string;
  /** In the order of the file. */
  readonly pairs: readonly Pair[];
  readonly instruments: readonly Pair[];
  /** 0 = a free one. */
  readonly port: number;
}

/**
 * One shard of minutehand.yaml. Its port is its own, else that of `transports.daemon`.
 * @throws MinutehandError CONFIG_INVALID when there is no such shard.
 */
export function shardOf(minutehand: MinutehandSettings, name: string): Shard {
  const { shards, transports } = minutehand;
  const given = Object.hasOwn(shards, name) ? shards[name] : undefined;
  if (given === undefined) {
    const names = Object.keys(shards);
    throw new MinutehandError('CONFIG_INVALID', {
      seen: `shard "${name}"${didYouMean(name, names)}`,
      expected: `one of the shards of minutehand.yaml: ${names.join(', ')}`,
    });
  }
  const list = pairList(given);
  const { pairs, instruments } = minutehand;
  const subjects = (list === 'all' ? [...pairs, ...instruments] : list).map(parseSubject);
  return {
    name,
    pairs: subjects.filter((subject) => !isInstrument(subject)),
    instruments: subjects.filter(isInstrument),
    port: ownPort(given) ?? transports.daemon.port,
  };
}

/** All shards, in the order of the file. */
export function shardsOf(minutehand: MinutehandSettings): Shard[] {
  return Object.keys(minutehand.shards).map((name) => shardOf(minutehand, name));
}

/**
 * The pairs one daemon process serves, in the order of the file.
 * @throws MinutehandError CONFIG_INVALID when there is no such shard.
 */
export function shardPairs(minutehand: MinutehandSettings, shard: string): readonly Pair[] {
  return shardOf(minutehand, shard).pairs;
}

/** All subjects of a shard: its pairs, followed by its instruments. @throws MinutehandError CONFIG_INVALID */
export function shardSubjects(minutehand: MinutehandSettings, shard: string): readonly Pair[] {
  const { pairs, instruments } = shardOf(minutehand, shard);
  return [...pairs, ...instruments];
}

/**
 * The signal file with all pairs of a daemon: `signals.json`; where there are several shards, each has one of its own.
 */
export function allSignalsFile({ shards }: MinutehandSettings, shard: string): string {
  return Object.keys(shards).length === 1 ? 'signals.json' : `signals_${shard}.json`;
}

/** Wall-clock time between two bars of the configured market. */
export function barIntervalMs({ minutehand: { market, simulated, feed } }: Pick<Settings, 'minutehand'>): number {
  return market === 'live' ? feed.interval_ms : simulated.bar_interval_ms;
}
