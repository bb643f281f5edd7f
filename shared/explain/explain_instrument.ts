import { isoMinute, type Bar, type OpenTime } from '../bar.ts';
import { directionFolder, liveInstrumentSchema } from '../bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../bundle/direction/direction_bundle.ts';
import {
  entryVeto,
  openDirection,
  prepareDirection,
  type DirectionModel,
} from '../bundle/direction/direction_model.ts';
import { candidateNovelty, rowNovelty } from '../bundle/direction/direction_scores.ts';
import type { InstrumentSchema } from '../bundle/feature_schema.ts';
import type { TreeEnsemble } from '../bundle/onnx/tree_ensemble.ts';
import type { RuleModel } from '../bundle/rule/rule_model.ts';
import { entryStates, exitStates, failingConditions } from '../core/rule/conditions.ts';
import { ageInstrument } from '../strategies/direction/direction_input.ts';
import { DIRECTION_RULE } from '../strategies/direction/direction_rule.ts';
import type { NewsWindows } from '../core/news/news_windows.ts';
import {
  INSTRUMENT_WINDOWS,
  type InstrumentDefinition,
  type InstrumentWindows,
} from '../core/features/instrument/definitions.ts';
import { InstrumentColumns } from '../core/features/instrument/instrument_columns.ts';
import { rulesOf } from '../strategies/direction/step_instrument.ts';
import { FLAT_POSITION, type InstrumentPosition } from '../strategies/instrument_position.ts';
import { barOpen } from '../core/resample/bar_resampler.ts';
import { SeriesBook } from '../core/series/series_book.ts';
import { MAX_AGE_SECONDS, SERIES } from '../core/series/series_names.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import { checksum } from '../signal/encode.ts';
import { isOfRule, SERVED_RULE_PREFIX, type InstrumentBody } from '../signal/instrument_signal.ts';
import type { JournaledAnswer, JournalFile } from '../store/journal.ts';
import { parseObservation } from '../store/observation.ts';
import { firstMinuteOfBars, journaledLegs } from '../store/warm_bars.ts';
import { attribute } from './explained_scores.ts';
import { ExplainedRule } from './explained_rule.ts';
import { stopIn } from './explained_stop.ts';
import {
  DIRECTION_CLASSES,
  type ExplainedInputs,
  type InstrumentExplanation,
  type Reproduction,
} from './explanation.ts';
import { INSTRUMENT_REASONS } from './instrument_reasons.ts';
import { pathInside } from '../path_name.ts';

/** A direction bundle with all that explaining one of its answers takes. */
export interface ExplainedDirection extends Pick<DirectionModel, 'manifest' | 'failedClaim' | 'novelty'> {
  /** Of its columns. */
  readonly schema: InstrumentSchema;
  /** Up, down, range; null for a model that is not trees and a softmax. */
  readonly ensembles: readonly TreeEnsemble[] | null;
  /** Probabilities of one row: up, down, range. */
  infer(row: Float32Array): Float64Array | Promise<Float64Array>;
}

/** @throws MinutehandError as `prepareDirection` */
export async function openExplainedDirection(models: string, version: string): Promise<ExplainedDirection> {
  const folder = pathInside(directionFolder(models), version);
  const { timeframe } = readDirectionBundle(folder).manifest;
  const written = liveInstrumentSchema(timeframe);
  const prepared = await prepareDirection(folder, written);
  const { scoring } = prepared;
  const model = await openDirection(prepared, 1);
  return {
    manifest: model.manifest,
    failedClaim: model.failedClaim,
    ...(model.novelty && { novelty: model.novelty }),
    schema: prepared.rowSchema ?? written,
    ensembles: scoring.engine === 'wasm-simd' ? scoring.trees.ensembles : null,
    infer: (row) => model.infer(row, 1),
  };
}

export interface InstrumentQuestion {
  readonly journal: JournalFile;
  readonly instrument: Pair;
  readonly time: OpenTime;
  readonly answer: JournaledAnswer;
  /** Of the policy that decided. */
  readonly requireEdge: boolean;
  readonly noveltyMin: number | undefined;
  /** Where the news of this minute's calendar keep it from entering; null = nowhere. */
  readonly news: NewsWindows | null;
  modelOf(version: string): Promise<ExplainedDirection>;
  /** @throws MinutehandError as readRuleBundle */
  ruleOf(version: string): RuleModel;
}

/** Why one bar of an instrument was answered as it was. */
export async function explainInstrument(question: InstrumentQuestion): Promise<InstrumentExplanation> {
  const { instrument, time, answer, requireEdge, noveltyMin } = question;
  const signal = JSON.parse(`${answer.body}}`) as InstrumentBody;
  if (isOfRule(signal)) return await explainByRule(question, signal);
  const position =
    answer.positionBefore === null ? FLAT_POSITION : (JSON.parse(answer.positionBefore) as InstrumentPosition);
  const { model, error } = await openModel(question, signal.model_version);
  const { definitions, windows } = model?.schema ?? liveInstrumentSchema(barSecondsOf(instrument));
  const minute = recompute(question, windows);
  const row = minute?.features.ready === true ? minute.features.row() : null;
  const probabilities = model === null || row === null ? null : [...(await model.infer(row))];
  const names = definitions.map(({ name }) => name);
  const [up, down, range] = probabilities ?? [];
  const answered = probabilities === null ? null : { ML_UP_PROB: up!, ML_DOWN_PROB: down!, ML_RANGE_PROB: range! };
  const novelty = answered === null ? NaN : candidateNovelty(model!, answered, row!, 0);
  const veto = entryVeto(model, instrument.a);
  const strategy = model?.manifest.strategy ?? null;
  const decided =
    minute?.features.ready !== true
      ? null
      : {
          close: minute.inputs.a.close,
          probabilities: answered,
          veto: requireEdge ? veto : null,
          novelty,
          noveltyMin,
          stop: stopIn(signal),
          news: question.news,
          time,
          strategy: rulesOf(strategy, position),
          position: ageInstrument(position),
        };
  const conditions = decided === null ? [] : entryStates(DIRECTION_RULE, position.side, decided);
  return {
    ...answerFacts(question, signal, position, minute, {
      definitions,
      reproduced: compare(answer, signal, minute, probabilities, novelty, error),
    }),
    direction:
      model === null || row === null || probabilities === null
        ? null
        : {
            up: attribute(up!, model.ensembles?.[0] ?? null, row, names),
            down: attribute(down!, model.ensembles?.[1] ?? null, row, names),
            range: attribute(range!, model.ensembles?.[2] ?? null, row, names),
          },
    strategy:
      strategy === null ? null : { ...strategy, has_edge: model?.manifest.edge[instrument.a]?.no_edge === false },
    rule: null,
    costs: null,
    gate: null,
    conditions,
    to_enter: failingConditions(conditions),
    to_exit: decided === null ? [] : exitStates(DIRECTION_RULE, position.side, decided),
  };
}

/** The same where a rule has answered: each of its conditions, with value, limit and distance. */
async function explainByRule(question: InstrumentQuestion, signal: InstrumentBody): Promise<InstrumentExplanation> {
  const { instrument, time, answer, requireEdge, noveltyMin } = question;
  const position =
    answer.positionBefore === null ? FLAT_POSITION : (JSON.parse(answer.positionBefore) as InstrumentPosition);
  const { rule, error } = openRule(question, signal.model_version.slice(SERVED_RULE_PREFIX.length));
  const explained = rule === null ? null : new ExplainedRule(rule, barSecondsOf(instrument));
  const { ml_up_prob: up, ml_down_prob: down, ml_range_prob: range } = signal;
  const isRead = rule?.manifest.direction !== undefined && up !== null;
  const minute = recompute(question, INSTRUMENT_WINDOWS, explained, isRead ? [up, down!, range!] : null);
  const isDecided =
    minute?.features.ready === true && explained !== null && (explained.formulas.isWarm || position.side !== 0);
  const isShown = rule?.manifest.edge.no_edge === false;
  const hasEdge = !requireEdge || isShown;
  const decided = isDecided
    ? explained.formulas.explain(position, {
        close: minute.inputs.a.close,
        hasEdge,
        novelty: isRead && noveltyMin !== undefined ? await noveltyForRule(question, rule!.manifest.direction!) : NaN,
        noveltyMin,
        stop: stopIn(signal),
        news: question.news,
        time,
      })
    : null;
  const conditions = decided?.entries ?? [];
  const { definitions } = liveInstrumentSchema(barSecondsOf(instrument));
  return {
    ...answerFacts(question, signal, position, minute, {
      definitions,
      reproduced: compare(answer, signal, minute, null, NaN, error),
    }),
    direction: null,
    strategy: null,
    rule:
      rule === null
        ? null
        : {
            version: rule.manifest.version,
            name: rule.strategy.name,
            has_edge: isShown,
            formulas: decided === null ? {} : explained!.states(),
          },
    costs: null,
    gate: null,
    conditions,
    to_enter: failingConditions(conditions),
    to_exit: decided?.exits ?? [],
  };
}

/** Of the bar as the direction model takes it; NaN where it cannot be opened, or describes no rows. */
async function noveltyForRule(question: InstrumentQuestion, version: string): Promise<number> {
  const { model } = await openModel(question, version);
  if (model === null) return NaN;
  const features = recompute(question, model.schema.windows)?.features;
  return features?.ready === true ? rowNovelty(model, features.row(), 0) : NaN;
}

/** What an explanation states whichever strategy has answered. */
function answerFacts(
  { answer, time, journal }: InstrumentQuestion,
  signal: InstrumentBody,
  position: InstrumentPosition,
  minute: RecomputedBar | null,
  {
    definitions,
    reproduced,
  }: { readonly definitions: readonly InstrumentDefinition[] } & Pick<InstrumentExplanation, 'reproduced'>,
) {
  return {
    kind: 'instrument' as const,
    subject: answer.pairId,
    time: isoMinute(time),
    failed_rule: journal.failedRuleAt(answer),
    signal,
    meaning: INSTRUMENT_REASONS[signal.reason],
    position,
    reproduced,
    inputs: minute?.inputs ?? null,
    features: definitions.map(({ name, unit }, column) => {
      const value = minute?.features.values[column] ?? NaN;
      return { name, unit, value: Number.isFinite(value) ? value : null, percentile: null };
    }),
    models: null,
  };
}

function openRule({ ruleOf }: InstrumentQuestion, version: string): { rule: RuleModel | null; error: string | null } {
  try {
    return { rule: ruleOf(version), error: null };
  } catch (error) {
    if (error instanceof MinutehandError) return { rule: null, error: describeError(error).code };
    throw error;
  }
}

interface RecomputedBar {
  readonly features: InstrumentColumns;
  readonly inputs: ExplainedInputs;
}

/** The features as they were at the bar, each bar with the series that had arrived by its close. */
function recompute(
  { journal, instrument, time, answer }: InstrumentQuestion,
  windows: InstrumentWindows,
  rule: ExplainedRule | null = null,
  /** Of the bar that is explained, for the rule. */
  probabilities: ArrayLike<number> | null = null,
): RecomputedBar | null {
  if (answer.featuresCrc === null) return null;
  const barSeconds = barSecondsOf(instrument);
  const features = new InstrumentColumns(windows, instrument);
  const count = Math.max(features.warmupBars, rule?.warmUpBars ?? 0);
  const bars = barsThrough(journal, instrument, count, time);
  const last = bars.at(-1);
  if (last?.time !== time) return null;
  const first = barOpen(bars[0]!.time, barSeconds);
  const since = Math.max(0, first - MAX_AGE_SECONDS) as OpenTime;
  const observations = [...journal.seriesBetween(since, (time + barSeconds) as OpenTime)]
    .map(({ subject }) => parseObservation(subject))
    .filter(({ symbol }) => symbol === instrument.a);
  const book = new SeriesBook();
  const values = new Float64Array(SERIES.length);
  let next = 0;
  for (const bar of bars) {
    const open = barOpen(bar.time, barSeconds);
    const close = open + barSeconds;
    while (next < observations.length && observations[next]!.arrivalTime <= close) book.take(observations[next++]!);
    book.valuesAt(instrument.a, close, values);
    const { high, low, close: price, volume, takerBuyVolume = NaN } = bar;
    const fields = { time: open, open: bar.open, high, low, close: price, volume, takerBuyVolume };
    features.step(fields, values);
    rule?.step({ bar: fields, features: features.values, series: values }, bar.time === time ? probabilities : null);
  }
  return { features, inputs: { a: last, b: last, bars: bars.length, from: isoMinute(bars[0]!.time) } };
}

/** The last `count` bars up to the one at `time`, with their taker volume. */
function barsThrough(journal: JournalFile, instrument: Pair, count: number, time: OpenTime): Bar[] {
  const from = firstMinuteOfBars(journal, instrument, count, time) ?? time;
  return journaledLegs(journal.inputsFrom(from, { until: time }), instrument).a.slice(-count);
}

async function openModel(
  { modelOf }: InstrumentQuestion,
  version: string,
): Promise<{ model: ExplainedDirection | null; error: string | null }> {
  if (version === '') return { model: null, error: null };
  try {
    return { model: await modelOf(version), error: null };
  } catch (error) {
    if (error instanceof MinutehandError) return { model: null, error: describeError(error).code };
    throw error;
  }
}

/** Features are compared by their checksum, probabilities and novelty by their text: to the bit. */
function compare(
  { featuresCrc }: JournaledAnswer,
  signal: InstrumentBody,
  minute: RecomputedBar | null,
  probabilities: readonly number[] | null,
  novelty: number,
  error: string | null,
): Reproduction {
  if (featuresCrc === null) return { equal: true, code: null, differences: [] };
  if (minute === null) return { equal: false, code: 'EXPLAIN_DIFFERS', differences: [] };
  const { buffer, byteOffset, byteLength } = minute.features.values;
  const pairs: [string, string | number | null, string | number | null][] = [
    ['features', featuresCrc, checksum(new Uint8Array(buffer, byteOffset, byteLength))],
  ];
  // Without a probability in the signal, the model did not answer.
  if (probabilities !== null && signal.ml_up_prob !== null)
    DIRECTION_CLASSES.forEach((name, k) =>
      pairs.push([`ml_${name}_prob`, signal[`ml_${name}_prob`], probabilities[k]!]),
    );
  if (probabilities !== null && signal.novelty !== undefined) pairs.push(['novelty', signal.novelty, novelty]);
  const differences = pairs
    .filter(([, published, computed]) => published !== computed)
    .map(([what, published, computed]) => ({ what, published: `${published}`, computed: `${computed}` }));
  const code = error ?? (differences.length > 0 ? 'EXPLAIN_DIFFERS' : null);
  return { equal: code === null, code, differences };
}
