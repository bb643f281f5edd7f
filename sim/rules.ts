import { join } from 'node:path';
import { rolloutPath, writeRollout, type Rollout } from '../shared/bundle/rollout.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { readRuleBundle, writeRuleBundle, type FileRule } from '../shared/bundle/rule/rule_bundle.ts';
import { RULE_REPORT, type RuleManifest } from '../shared/bundle/rule/rule_manifest.ts';
import { readPointerFile, type PointerPlace } from '../shared/bundle/pointer.ts';
import { replaceDurably } from '../shared/durable_file.ts';
import type { RuleFormulas, RuleModel } from '../shared/bundle/rule/rule_model.ts';
import { barSecondsOf, isInstrument, timeframeOf, type Pair, type Timeframe } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { SERVED_RULE_PREFIX } from '../shared/signal/instrument_signal.ts';
import type { SimulatedDisk } from './disk.ts';
import { peekingFiles } from './trainer.ts';
import { subjectsOf } from './variety.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';
import { ruleSlot } from '../shared/subject/slot.ts';

/** What the conditions of a simulated rule read at the close of a bar. */
export interface RuleBar {
  /** Of the complete bars so far, the newest last. */
  readonly closes: readonly number[];
  /** Up, down, range, of the direction model that the rule was judged with; null: unknown. */
  readonly probabilities: readonly [number, number, number] | null;
}

/** A strategy file, and the same conditions in plain code. */
interface SimulatedRule {
  readonly document: Omit<StrategyDocument, 'name' | 'description' | 'subject'>;
  readonly readsProbabilities: boolean;
  long(bar: RuleBar): boolean;
  short(bar: RuleBar): boolean;
  exit(bar: RuleBar): boolean;
}

/** Close of so many bars ago; NaN before the first. */
const closeAgo = ({ closes }: RuleBar, bars: number): number => closes.at(-1 - bars) ?? NaN;
const change = (bar: RuleBar, bars: number): number => closeAgo(bar, 0) / closeAgo(bar, bars) - 1;
const never = (): boolean => false;

/** Each enters often within the minutes of a world. */
const RULES: readonly SimulatedRule[] = [
  {
    document: {
      entry_long: 'close > delay(close, 1)',
      entry_short: 'close < delay(close, 1)',
      stop: { bps: 1.5 },
      target: { bps: 2 },
      max_age: 4,
    },
    readsProbabilities: false,
    long: (bar) => closeAgo(bar, 0) > closeAgo(bar, 1),
    short: (bar) => closeAgo(bar, 0) < closeAgo(bar, 1),
    exit: never,
  },
  {
    document: {
      entry_long: 'close / delay(close, 3) - 1 < -0.00005',
      entry_short: 'close / delay(close, 3) - 1 > 0.00005',
      exit: 'close / delay(close, 1) - 1 > 0.00005 or close / delay(close, 1) - 1 < -0.00005',
      max_age: 6,
    },
    readsProbabilities: false,
    long: (bar) => change(bar, 3) < -0.00005,
    short: (bar) => change(bar, 3) > 0.00005,
    exit: (bar) => change(bar, 1) > 0.00005 || change(bar, 1) < -0.00005,
  },
  {
    document: { entry_long: 'close > delay(close, 12)', entry_short: 'close > 0', stop: { bps: 3 }, max_age: 2 },
    readsProbabilities: false,
    long: (bar) => closeAgo(bar, 0) > closeAgo(bar, 12),
    short: (bar) => closeAgo(bar, 0) > 0,
    exit: never,
  },
  {
    document: {
      entry_long: 'ML_UP_PROB > ML_DOWN_PROB',
      entry_short: 'ML_DOWN_PROB > 0.36',
      exit: 'ML_RANGE_PROB > 0.34',
      target: { bps: 1 },
      max_age: 5,
    },
    readsProbabilities: true,
    long: ({ probabilities }) => probabilities !== null && probabilities[0] > probabilities[1],
    short: ({ probabilities }) => probabilities !== null && probabilities[1] > 0.36,
    exit: ({ probabilities }) => probabilities !== null && probabilities[2] > 0.34,
  },
];

/** Whether a rule with a fault throws at a bar with this close. */
export function isFatal(close: number): boolean {
  return Math.round(close * 1e6) % 13 === 7;
}

/** One rule of so many that are served has the fault, while there are faults. */
const FAULTY = 2;

/** The same rule, whose formulas throw at fatal bars. */
function throwing<Rule extends RuleModel>(rule: Rule): Rule {
  const createFormulas = (barSeconds: number): RuleFormulas => {
    const formulas = rule.createFormulas(barSeconds);
    const step = formulas.step.bind(formulas);
    formulas.step = (reading) => {
      if (isFatal(reading.bar.close)) throw new RangeError('a simulated fault');
      step(reading);
    };
    return formulas;
  };
  return { ...rule, createFormulas };
}

/** The version of the rule that a signal names; null: models have answered it. */
export function ruleVersion(modelVersion: string): string | null {
  return modelVersion.startsWith(SERVED_RULE_PREFIX) ? modelVersion.slice(SERVED_RULE_PREFIX.length) : null;
}

export interface RuleTrainerOptions {
  readonly settings: Settings;
  readonly folder: string;
  readonly disk: SimulatedDisk;
  /** Version of the direction model that a pointer names; null: none. */
  activeDirection(timeframe: Timeframe): string | null;
  trueMs(): number;
  trace(line: () => string): void;
}

/** A rule of an instrument as it was written, unaffected by faults, with its conditions in plain code. */
export interface TrainedRule {
  readonly model: FileRule;
  readonly conditions: Pick<SimulatedRule, 'long' | 'short' | 'exit'>;
  /** Whether it throws at fatal bars. */
  readonly isFaulty: boolean;
}

/** Rules as they were written. */
export interface RuleArchive {
  /** @throws RangeError for a version that never was */
  trained(version: string): TrainedRule;
}

/** Writes rules, and names those that are served, in shadow or in a rollout, as a trainer and people do. */
export class RuleTrainer implements RuleArchive {
  readonly #options: RuleTrainerOptions;
  /** Those that have rules, by id. */
  readonly #subjects: ReadonlyMap<string, Pair>;
  readonly #trained = new Map<string, TrainedRule>();
  #rollouts = 0;

  constructor(options: RuleTrainerOptions) {
    this.#options = options;
    const subjects = subjectsOf(options.settings).filter(isInstrument);
    this.#subjects = new Map(subjects.map((own) => [own.id, own]));
  }

  hasTrained(version: string): boolean {
    return this.#trained.has(version);
  }

  trained(version: string): TrainedRule {
    const rule = this.#trained.get(version);
    if (rule === undefined) throw new RangeError(`no rule ${version} was ever written`);
    return rule;
  }

  /** The rule of a folder as a daemon reads it, with its fault, if it has one. @throws MinutehandError */
  open(folder: string, files: FileSystem): RuleModel {
    const rule = readRuleBundle(folder, files);
    return this.#trained.get(rule.manifest.version)?.isFaulty === true ? throwing(rule) : rule;
  }

  /** Serves a new rule for a subject, or none any more. */
  serve(rng: Rng): void {
    const instrument = this.#pick(rng, this.#ids);
    if (rng.integer(5) === 0) this.#name(filesOf(this.#options.folder, ruleSlot(instrument)).active, null);
    else this.#serveNew(rng, instrument);
  }

  /** Serves a new rule for every subject that has rules. @param mayFail whether some have a fault */
  serveAll(rng: Rng, mayFail: boolean): void {
    for (const instrument of this.#ids) this.#serveNew(rng, instrument, mayFail);
  }

  #serveNew(rng: Rng, instrument: string, mayFail = true): void {
    // Drawn without the generator, so that worlds are what they were before there were faults.
    const isFaulty = mayFail && this.#trained.size % FAULTY === 1;
    const version = this.#write(rng, instrument, isFaulty);
    if (version !== null) this.#name(filesOf(this.#options.folder, ruleSlot(instrument)).active, version);
  }

  get #ids(): string[] {
    return [...this.#subjects.keys()];
  }

  /** Makes a rule the shadow of its subject, or ends that. */
  nameShadow(rng: Rng): void {
    const instrument = this.#pick(rng, this.#ids);
    const versions = [...this.#trained].flatMap(([version, { model }]) =>
      model.manifest.instrument === instrument ? [version] : [],
    );
    const version = rng.integer(4) === 0 || versions.length === 0 ? null : this.#pick(rng, versions);
    this.#name(filesOf(this.#options.folder, ruleSlot(instrument)).shadow, version);
  }

  /** Begins a rollout of a new rule, or begins the next stage of the one that is active, or ends it. */
  changeRollout(rng: Rng): void {
    const { folder, disk, trueMs, trace } = this.#options;
    const instrument = this.#pick(rng, this.#ids);
    const champion = this.#named(filesOf(folder, ruleSlot(instrument)).active);
    try {
      const before = disk.peek(rolloutPath(folder));
      const active = before === null ? null : (JSON.parse(before.toString()) as Rollout);
      const now = new Date(trueMs()).toISOString();
      let next: Rollout;
      if (active?.status === 'active') {
        const isEnd = rng.integer(2) === 0;
        next = { ...active, ...(isEnd ? { status: 'aborted', reason: 'a test' } : { stage: 'full', share: 1 }) };
      } else {
        const isFaulty = Math.floor(trueMs() / 60_000) % 2 === 0;
        const challenger = champion === null ? null : this.#write(rng, instrument, isFaulty);
        if (champion === null || challenger === null) return;
        next = {
          id: `rules_${this.#rollouts++}`,
          stage: 'test',
          share: 0.5,
          champion,
          challenger,
          key: rng.integer(0x1_0000_0000).toString(16).padStart(32, '0'),
          block_minutes: 2,
          instrument,
          status: 'active',
          reason: '',
          started: now,
          stage_started: now,
          stages: [{ from: now, share: 0.5 }],
          promotion_e_value: 20,
          power: null,
          history: [],
        };
      }
      writeRollout(folder, next, disk);
      trace(() => `rules: rollout ${next.id} of ${next.instrument} ${next.status}, share ${next.share}`);
    } catch (error) {
      trace(() => `rules: rollout: ${String(error)}`);
    }
  }

  /** Damages a file, as an operator or a failing disk would. */
  damage(rng: Rng): void {
    const { folder, disk, trace } = this.#options;
    const instrument = this.#pick(rng, this.#ids);
    const place = filesOf(folder, ruleSlot(instrument)).active;
    const version = this.#named(place);
    const kinds: (() => void)[] = [
      () => disk.tear(place.path, disk.peek(place.path) ?? '{}'),
      () => disk.write(place.path, '{"version":"20200101_0000","previous":null}\n'),
      () => {
        if (version !== null) disk.write(join(ruleFolder(folder), version, RULE_REPORT), 'nonsense');
      },
      () => {
        if (version !== null) disk.tear(join(ruleFolder(folder), version, 'manifest.json'), '{"format":"minutehand');
      },
    ];
    trace(() => `rules: damaged, ${instrument}`);
    try {
      this.#pick(rng, kinds)();
    } catch (error) {
      trace(() => `rules: ${String(error)}`);
    }
  }

  /** @returns its version; null when the disk refused it */
  #write(rng: Rng, id: string, isFaulty: boolean): string | null {
    const { trace } = this.#options;
    try {
      const rule = this.#writeOf(rng, id, isFaulty);
      const { version } = rule.model.manifest;
      this.#trained.set(version, rule);
      return version;
    } catch (error) {
      trace(() => `rules: ${id} not written: ${String(error)}`);
      return null;
    }
  }

  #writeOf(rng: Rng, instrument: string, isFaulty: boolean): TrainedRule {
    const { folder, disk, trueMs } = this.#options;
    const rule = this.#pick(rng, RULES);
    const path = writeRuleBundle(
      ruleFolder(folder),
      new Date(trueMs()),
      {
        manifest: this.#manifestOf(rule, instrument, rng.integer(4) === 0),
        report: { made: 'in a simulated world' },
      },
      disk,
    );
    const model = readRuleBundle(path, peekingFiles(disk));
    return { model: isFaulty ? throwing(model) : model, conditions: rule, isFaulty };
  }

  #manifestOf(
    { document, readsProbabilities }: SimulatedRule,
    instrument: string,
    hasNoEdge: boolean,
  ): Omit<RuleManifest, 'format' | 'version' | 'created' | 'files' | 'feature_schema'> {
    const own = this.#subjects.get(instrument)!;
    const direction = readsProbabilities ? this.#options.activeDirection(timeframeOf(barSecondsOf(own))) : null;
    return {
      git_commit: null,
      market: 'live',
      instrument,
      strategy: { name: 'simulated', description: '', subject: 'instrument', ...document },
      origin: 'written',
      ...(direction !== null && { direction }),
      trials: 1,
      seed: '0',
      period: { from: '2025-01-01T00:00:00Z', holdout_from: '2025-06-01T00:00:00Z', to: '2025-08-01T00:00:00Z' },
      costs: { spread_bps: 0, commission_bps: 1, slippage_bps: 0 },
      gates: [],
      edge: { no_edge: hasNoEdge, trades: 30, net_bps: 1, lower_net_bps: 0, p_value: 0.04 },
      holdout_look: 1,
    };
  }

  /** @param version null: the pointer is removed */
  #name(place: PointerPlace, version: string | null): void {
    const { disk, trace } = this.#options;
    try {
      if (version === null) disk.remove(place.path);
      else replaceDurably(disk, place.path, `${JSON.stringify({ version, previous: null })}\n`);
      trace(() => `rules: ${place.name} ${version ?? 'none'}`);
    } catch (error) {
      trace(() => `rules: ${place.name}: ${String(error)}`);
    }
  }

  /** Version that a pointer names; null when there is none, or it is damaged. */
  #named(place: PointerPlace): string | null {
    try {
      return readPointerFile(place, peekingFiles(this.#options.disk))?.version ?? null;
    } catch {
      return null;
    }
  }

  #pick<T>(rng: Rng, choices: readonly T[]): T {
    return choices[rng.integer(choices.length)]!;
  }
}
