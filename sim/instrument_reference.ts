import { isHeartbeat, type AnsweredMinute, type PairMinute } from '../daemon/align/minute.ts';
import { expectedNovelty } from '../shared/bundle/input_novelty.oracle.ts';
import { liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../shared/core/features/instrument/instrument_features.ts';
import { barSecondsOf, type Pair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import {
  expectedInstrumentAnswer,
  NO_INSTRUMENT_POSITION,
  type ExpectedInstrumentPosition,
  type ExpectedRule,
} from './expected_instrument.ts';
import { knownAt, type StoredValue } from './known_series.ts';
import { ruleVersion, type RuleArchive, type TrainedRule } from './rules.ts';
import type { Asked, ReferenceAnswer, SubjectReference } from './subject_reference.ts';
import type { TwinInputs } from './twin_inputs.ts';

const SECONDS_PER_MINUTE = 60;
/** A value is late when it arrives longer than this after its event. */
const LATE_SECONDS = 60;

/** Models and rules as they were made, by version. */
export interface InstrumentArchive {
  directions(version: string): DirectionModel;
  readonly rules: RuleArchive;
}

/**
 * Reference run of an instrument: features stepped over all bars, with the series known at each close by the journal,
 * and answers by `expected_instrument.ts`.
 */
export class InstrumentReference implements SubjectReference {
  readonly flat = JSON.stringify(NO_INSTRUMENT_POSITION);
  readonly #instrument: Pair;
  readonly #barSeconds: number;
  readonly #policyHash: string;
  readonly #noveltyMin: number | null;
  readonly #archive: InstrumentArchive;
  readonly #boots: readonly number[];
  readonly #own: readonly StoredValue[];
  readonly #note: (name: string) => void;
  readonly #features: InstrumentFeatures;
  readonly #closes: number[] = [];
  /** Of the newest bar with its taker volume; 0 = there was none. */
  #takerInput = 0;

  /** @param note records a coverage state */
  constructor(
    instrument: Pair,
    settings: Settings,
    archive: InstrumentArchive,
    inputs: Pick<TwinInputs, 'boots' | 'values'>,
    note: (name: string) => void,
  ) {
    this.#instrument = instrument;
    this.#barSeconds = barSecondsOf(instrument);
    this.#policyHash = settings.policyHash;
    this.#noveltyMin = settings.core.novelty_min;
    this.#archive = archive;
    this.#boots = [...inputs.boots.values()].map(({ bootInput }) => bootInput);
    this.#own = inputs.values.filter(({ symbol }) => symbol === instrument.a);
    this.#note = note;
    this.#features = new InstrumentFeatures(INSTRUMENT_WINDOWS, this.#barSeconds);
  }

  values(): Float64Array {
    return this.#features.values;
  }

  step({ time, a }: PairMinute, input: number): void {
    const { high, low, close, volume, takerBuyVolume = NaN } = a!;
    const closeTime = time + SECONDS_PER_MINUTE;
    const open = closeTime - this.#barSeconds;
    const known = knownAt(this.#own, this.#instrument.a, closeTime);
    this.#features.step({ time: open, high, low, close, volume, takerBuyVolume }, known);
    this.#closes.push(close);
    this.#noteSeries(closeTime, input);
    this.#noteTaker(!Number.isNaN(takerBuyVolume), input);
  }

  #noteTaker(isKnown: boolean, input: number): void {
    if (isKnown) this.#note('taker volume seen');
    else if (this.#takerInput > 0) this.#note('bar without taker volume among others');
    if (this.#takerInput > 0 && this.#bootOf(input) > this.#takerInput) this.#note('taker volume before a restart');
    if (isKnown) this.#takerInput = input;
  }

  /** Number of the input of the boot that took this one. */
  #bootOf(input: number): number {
    return this.#boots.findLast((bootInput) => bootInput <= input) ?? 0;
  }

  #noteSeries(close: number, input: number): void {
    const boot = this.#bootOf(input);
    const events = new Set<string>();
    for (const value of this.#own) {
      const isTaken = value.input < input;
      if (isTaken && value.arrival > close && value.event <= close) this.#note('value that arrived after the close');
      if (value.arrival > close) continue;
      if (value.arrival - value.event > LATE_SECONDS) this.#note('late value seen');
      if (value.input < boot) this.#note('value seen after a restart');
      const event = `${value.name} ${value.event}`;
      if (events.has(event)) this.#note('revised value seen');
      events.add(event);
    }
  }

  answer(minute: AnsweredMinute, asked: Asked): ReferenceAnswer {
    const { version, isDegraded, position, idOf } = asked;
    const ownRule = ruleVersion(version);
    const rule = ownRule === null ? null : this.#archive.rules.trained(ownRule);
    const direction = rule === null ? version : (asked.direction ?? '');
    const model = direction === '' ? null : this.#archive.directions(direction);
    const { a: symbol, id } = this.#instrument;
    const isWarm = this.#features.ready;
    const isScored = isWarm && model !== null && (minute.outcome === 'COMPLETE' || isHeartbeat(minute));
    const probabilities = isScored ? this.#probabilities(model) : null;
    const answer = expectedInstrumentAnswer({
      id,
      symbol,
      time: minute.time,
      outcome: minute.outcome,
      isLastResort: isHeartbeat(minute) && minute.isHalted,
      isWarm,
      barClose: minute.a?.close ?? null,
      lastClose: this.#closes.at(-1) ?? null,
      model: model === null ? null : rulesOf(model, symbol),
      rule:
        rule === null
          ? null
          : this.#atClose(
              rule,
              direction,
              probabilities,
              asked.arm?.arm === 'challenger' ? asked.arm.rollout : undefined,
            ),
      probabilities,
      novelty: probabilities === null || !this.#isRead(rule, direction) ? null : this.#novelty(model!),
      noveltyMin: this.#noveltyMin,
      isDegraded,
      position: JSON.parse(position) as ExpectedInstrumentPosition,
      signalId: idOf((rule ?? { model }).model?.modelsHash ?? 'none'),
      featureSchema: liveInstrumentSchema(this.#barSeconds).hash,
      policyHash: this.#policyHash,
    });
    return { ...answer, met: [] };
  }

  #atClose(
    { model: { manifest }, conditions }: TrainedRule,
    direction: string,
    probabilities: [number, number, number] | null,
    rollout: string | undefined,
  ): ExpectedRule {
    const { strategy } = manifest;
    const bar = { closes: this.#closes, probabilities: direction === manifest.direction ? probabilities : null };
    return {
      version: manifest.version,
      isLong: conditions.long(bar),
      isShort: conditions.short(bar),
      isExit: conditions.exit(bar),
      stopBps: strategy.stop?.bps ?? null,
      targetBps: strategy.target?.bps ?? null,
      maxAgeBars: strategy.max_age,
      hasEdge: !manifest.edge.no_edge,
      rollout,
    };
  }

  /** Whether what answers reads the answers of the direction model. */
  #isRead(rule: TrainedRule | null, direction: string): boolean {
    return rule === null || rule.model.manifest.direction === direction;
  }

  /** By the slow reference; null: the bundle does not describe its training rows. */
  #novelty({ manifest }: DirectionModel): number | null {
    if (manifest.inputs === undefined) return null;
    const row = Float32Array.from(this.#features.values);
    return expectedNovelty(manifest.inputs, Object.fromEntries(manifest.features.map((name, i) => [name, row[i]!])));
  }

  #probabilities(model: DirectionModel): [number, number, number] {
    const [up, down, range] = model.infer(Float32Array.from(this.#features.values), 1) as Float64Array;
    return [up!, down!, range!];
  }
}

/** The failed claim of a manifest, as PROTOCOL § Instruments has it: bias before F1. */
function claimOf(gates: DirectionModel['manifest']['gates']): string | null {
  const failed = (gates ?? []).flatMap((gate) => ('code' in gate && !gate.passed ? [gate.code] : []));
  if (failed.includes('bias')) return 'MODEL_BIASED';
  return failed.includes('f1') ? 'MODEL_WEAK' : null;
}

function rulesOf({ manifest: { version, strategy, edge, gates } }: DirectionModel, symbol: string) {
  return {
    version,
    thetaUp: strategy.theta_up,
    thetaDown: strategy.theta_down,
    stop: strategy.stop,
    target: strategy.target,
    maxAgeBars: strategy.max_age_bars,
    claim: claimOf(gates),
    hasEdge: edge[symbol]?.no_edge === false,
  };
}
