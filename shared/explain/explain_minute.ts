import { isoMinute, SECONDS_PER_BAR, shownMinute, type OpenTime } from '../bar.ts';
import { featureSchema, type FeatureSchema } from '../bundle/feature_schema.ts';
import { REASONS } from '../strategies/pair_reversion/reasons.ts';
import type { DecisionPolicy, Scores } from '../strategies/pair_reversion/pair_input.ts';
import { entryStates, exitStates, failingConditions, type ConditionState } from '../core/rule/conditions.ts';
import { ExposureMeter, type ExposureAfter } from '../core/position/exposure.ts';
import { explainNews } from './explained_news.ts';
import { asKnown, parseCalendarText } from '../calendar/calendar_text.ts';
import type { NewsEvent } from '../core/news/news_event.ts';
import { newsWindows, withCalendar, type NewsWindows } from '../core/news/news_windows.ts';
import { PAIR_RULE, sideAgainst } from '../strategies/pair_reversion/pair_rule.ts';
import { isCandidate } from '../strategies/pair_reversion/scores.ts';
import type { Frame } from '../core/features/feature.ts';
import { PairFeatures } from '../core/features/features.ts';
import type { Windows } from '../core/features/windows.ts';
import { agePosition, FLAT, type Position } from '../core/position/position.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { barSecondsOf, isInstrument, parseSubject, timeframeOf, type Pair } from '../pair.ts';
import { pairCosts, tradingCosts } from '../policy/costs.ts';
import { settingsOfRecord } from '../policy/decision_record.ts';
import type { HomePaths } from '../home.ts';
import { pairUnknown } from '../policy/known_subject.ts';
import { onlyTimeframe } from '../policy/spelling.ts';
import { decisionPolicy, shardPairs, shardsOf, shardSubjects, type Settings } from '../policy/policy.ts';
import { checksum } from '../signal/encode.ts';
import type { SignalBody } from '../signal/signal.ts';
import { openJournal, type JournaledAnswer, type JournalFile } from '../store/journal.ts';
import { ruleOpener } from '../bundle/rule/active_rule.ts';
import type { RuleModel } from '../bundle/rule/rule_model.ts';
import { explainInstrument, openExplainedDirection } from './explain_instrument.ts';
import { explainCosts } from './explained_costs.ts';
import { openExplainedModels, type ExplainedBundle, type ExplainedModels } from './explained_models.ts';
import { scoreRow, type ScoredRow } from './explained_scores.ts';
import { stopIn } from './explained_stop.ts';
import { symbolsOfSources } from '../core/formula/other_symbols.ts';
import { otherValuesReader } from '../core/formula/other_values.ts';
import { journaledOthers } from '../store/journaled_others.ts';
import { journaledBars, journaledSeries } from '../store/warm_bars.ts';
import type { ExplainedGate, ExplainedInputs, Explanation, PairExplanation, Reproduction } from './explanation.ts';
import { pathInside } from '../path_name.ts';

const KEPT_MODELS = 3;
/** A time by the wall clock names the last signal of the minute before it. */
const PUBLISHED_MS = 60_000;

export interface Explainer {
  /**
   * @param time open of the bar
   * @throws MinutehandError PAIR_UNKNOWN, EXPLAIN_NO_SIGNAL, DATA_MISSING without a journal
   */
  explain(subject: string, time: OpenTime): Promise<Explanation>;
  /**
   * The bar of the last signal of a subject.
   * @returns its open
   * @throws MinutehandError PAIR_UNKNOWN, EXPLAIN_NO_SIGNAL, DATA_MISSING without a journal
   */
  lastMinute(subject: string): OpenTime;
  /**
   * The bar that a person names: by its close, or in a simulated market, whose days are others, by the wall clock on
   * which its signal was published.
   * @param close epoch seconds
   * @param atMs the same as it was written, with its seconds
   * @returns its open
   * @throws MinutehandError PAIR_UNKNOWN, DATA_MISSING without a journal
   */
  namedMinute(subject: string, close: number, atMs: number): OpenTime;
}

/** Explains minutes from the journals of an installation. Models stay loaded; journals are opened for each minute. */
export function createExplainer(settings: Settings, paths: Pick<HomePaths, 'journal' | 'models'>): Explainer {
  const schema = featureSchema(settings.minutehand.windows);
  const modelsOf = keepingNewest((version) => openExplainedModels(pathInside(paths.models, version), schema));
  const ruleOf = (version: string): RuleModel => ruleOpener(paths.models)(version);
  const directionOf = keepingNewest((version) => openExplainedDirection(paths.models, version));
  const { pairs, instruments, market } = settings.minutehand;
  const known = [...pairs, ...instruments];
  const subjectOf = (asked: string): string => {
    const subject = known.includes(asked) ? asked : onlyTimeframe(asked, known);
    if (subject === null) throw pairUnknown([asked], known);
    return subject;
  };
  const journalOf = (subject: string): JournalFile =>
    openJournal(paths.journal(market, shardNameOf(settings, subject)), { readOnly: true });
  return {
    lastMinute(asked) {
      const subject = subjectOf(asked);
      const journal = journalOf(subject);
      try {
        const last = journal.lastSignals().find(({ pairId }) => pairId === subject);
        if (last === undefined) throw new MinutehandError('EXPLAIN_NO_SIGNAL', { seen: `${subject}, no signal yet` });
        return last.time;
      } finally {
        journal.close();
      }
    },
    namedMinute(asked, close, atMs) {
      const time = (close - SECONDS_PER_BAR) as OpenTime;
      if (market === 'live') return time;
      const subject = subjectOf(asked);
      const journal = journalOf(subject);
      try {
        if (journal.answerAt(subject, time) !== null) return time;
        return journal.publishedAt(subject, atMs - PUBLISHED_MS, atMs) ?? time;
      } finally {
        journal.close();
      }
    },
    async explain(asked, time) {
      const subject = subjectOf(asked);
      const pair = parseSubject(subject);
      const journal = journalOf(subject);
      try {
        const answer = journal.answerAt(subject, time);
        if (answer === null) throw noSignal(pair, time);
        const decided = settingsOf(journal, answer, settings);
        if (isInstrument(pair)) {
          return await explainInstrument({
            journal,
            instrument: pair,
            time,
            answer,
            requireEdge: decisionPolicy(decided).require_edge,
            noveltyMin: decisionPolicy(decided).novelty_min,
            news: newsOf(decided, pair, () => knownAt(journal, answer)),
            modelOf: directionOf,
            ruleOf,
          });
        }
        const signal = JSON.parse(`${answer.body}}`) as SignalBody;
        const asAnswered = {
          settings: decided,
          signal,
          pair,
          time,
          answer,
          failedRule: journal.failedRuleAt(answer),
          positionOf: (id: string) => positionAt(journal, id, answer),
          calendar: () => knownAt(journal, answer),
        };
        const { models, error } = await openModels(modelsOf, pair, signal);
        const own = models?.set.schema ?? schema;
        const minute = recompute(journal, pair, time, answer, own.windows);
        return await explainAnswer({ ...asAnswered, schema: own, models, error, minute });
      } finally {
        journal.close();
      }
    },
  };
}

/** Speaks of closes, as every list of signals does. @param time open of the bar's last minute */
function noSignal(subject: Pair, time: OpenTime): MinutehandError {
  const barSeconds = barSecondsOf(subject);
  const close = time + SECONDS_PER_BAR;
  const before = close - (close % barSeconds);
  const at = (seconds: number): string => `${shownMinute(isoMinute(seconds))} UTC`;
  return new MinutehandError('EXPLAIN_NO_SIGNAL', {
    seen: `${subject.id}, the bar that closed ${at(close)}`,
    ...(before !== close && { expected: `a close of a ${timeframeOf(barSeconds)} bar, such as ${at(before)}` }),
  });
}

/** The last opened stay open. */
function keepingNewest<T>(open: (version: string) => Promise<T>): (version: string) => Promise<T> {
  const loaded = new Map<string, Promise<T>>();
  return (version) => {
    const models = loaded.get(version) ?? open(version);
    loaded.delete(version);
    loaded.set(version, models);
    models.catch(() => loaded.delete(version));
    if (loaded.size > KEPT_MODELS) loaded.delete(loaded.keys().next().value!);
    return models;
  };
}

/** The settings with the policy that decided, where the journal has it. */
function settingsOf(journal: JournalFile, { body }: JournaledAnswer, settings: Settings): Settings {
  const { policy_hash } = JSON.parse(`${body}}`) as SignalBody;
  const text = policy_hash === settings.policyHash ? null : journal.policyText(policy_hash);
  return text === null ? settings : settingsOfRecord(text, policy_hash, settings);
}

function shardNameOf({ minutehand }: Settings, id: string): string {
  return shardsOf(minutehand).find(({ name }) => shardSubjects(minutehand, name).some((own) => own.id === id))!.name;
}

/** The pair's features as they were at a minute, by the engine of the daemon. */
interface RecomputedMinute {
  readonly features: PairFeatures;
  readonly inputs: ExplainedInputs;
}

/** @returns null for a minute that moved no features */
function recompute(
  journal: JournalFile,
  pair: Pair,
  time: OpenTime,
  { featuresCrc }: JournaledAnswer,
  windows: Windows,
): RecomputedMinute | null {
  if (featuresCrc === null) return null;
  const features = new PairFeatures(windows, pair);
  const bars = journaledBars(journal, pair, features.warmupBars, time);
  const last = bars.at(-1);
  if (last?.a.time !== time) return null;
  const series = features.readsSeries ? journaledSeries(journal, pair, bars) : null;
  const othersAt = journaledOthers(journal, { pair, symbols: symbolsOfSources(features.others), bars });
  const othersOf = otherValuesReader(features.others);
  for (const { a, b } of bars) {
    const known = series?.at(a.time + SECONDS_PER_BAR) ?? null;
    features.step(a, b, known, othersOf(othersAt(a.time)));
  }
  return { features, inputs: { ...last, bars: bars.length, from: isoMinute(bars[0]!.a.time) } };
}

/** The events that a daemon knew when it answered. */
function knownAt(journal: JournalFile, answer: JournaledAnswer): NewsEvent[] {
  return parseCalendarText(journal.newsAt(answer) ?? '[]').map(asKnown);
}

function positionAt(journal: JournalFile, pairId: string, answer: JournaledAnswer): Position {
  return positionOf(journal.positionAt(pairId, answer));
}

/** @param text of the journal; null = flat */
function positionOf(text: string | null): Position {
  return text === null ? FLAT : (JSON.parse(text) as Position);
}

/** A published answer to a bar of a pair. */
interface Question {
  readonly settings: Settings;
  /** Of the features that were read. */
  readonly schema: FeatureSchema;
  readonly signal: SignalBody;
  /** Code of the reason why the models could not be opened. */
  readonly error: string | null;
  readonly pair: Pair;
  readonly time: OpenTime;
  readonly answer: JournaledAnswer;
  /** Version of the rule that had failed; null: none had. */
  readonly failedRule: string | null;
  /** The virtual position of another pair of the daemon when this minute was decided. */
  positionOf(pairId: string): Position;
  /** The events that the daemon knew at this minute. */
  calendar(): readonly NewsEvent[];
  readonly models: ExplainedModels | null;
  readonly minute: RecomputedMinute | null;
}

async function explainAnswer(question: Question): Promise<PairExplanation> {
  const { schema, signal, time, models, error, answer, minute, failedRule } = question;
  const position = positionOf(answer.positionBefore);
  const isReady = minute?.features.ready === true;
  const scored = models === null || !isReady ? null : await scoreRow(models, minute.features, schema);
  const decided = isReady ? decide(question, signal, position, models, scored, minute.features.frame) : null;
  return {
    kind: 'pair',
    subject: answer.pairId,
    time: isoMinute(time),
    failed_rule: failedRule,
    signal,
    meaning: REASONS[signal.reason],
    inputs: minute?.inputs ?? null,
    features: schema.definitions.map(({ name, unit }, column) => {
      const value = minute?.features.values[column] ?? NaN;
      return { name, unit, value: finite(value), percentile: models?.percentile(name, value) ?? null };
    }),
    direction: null,
    strategy: null,
    position,
    reproduced: compare(answer, signal, minute, scored, decided?.costs?.expected_net_bps ?? null, error),
    models: scored?.models ?? null,
    rule: null,
    costs: decided?.costs ?? null,
    gate: decided?.gate ?? null,
    conditions: decided?.conditions ?? [],
    to_enter: failingConditions(decided?.conditions ?? []),
    to_exit: decided?.to_exit ?? [],
  };
}

/** Where news keep a subject from entering; null = nowhere. @param calendar the events that the daemon knew */
function newsOf(settings: Settings, pair: Pair, calendar: () => readonly NewsEvent[]): NewsWindows | null {
  const { news } = decisionPolicy(settings);
  return news === undefined ? null : newsWindows(withCalendar(news, calendar()), pair);
}

async function openModels(
  modelsOf: (version: string) => Promise<ExplainedBundle>,
  pair: Pair,
  { model_version }: SignalBody,
): Promise<{ models: ExplainedModels | null; error: string | null }> {
  if (model_version === '') return { models: null, error: null };
  try {
    return { models: (await modelsOf(model_version)).ofPair(pair.id), error: null };
  } catch (error) {
    if (error instanceof MinutehandError) return { models: null, error: describeError(error).code };
    throw error;
  }
}

/** The conditions of an entry and of an exit at this minute. */
function decide(
  question: Question,
  signal: SignalBody,
  position: Position,
  models: ExplainedModels | null,
  scored: ScoredRow | null,
  frame: Readonly<Frame>,
): { conditions: ConditionState[]; to_exit: ConditionState[]; costs: PairExplanation['costs']; gate: ExplainedGate } {
  const { settings, pair, time } = question;
  const policy: DecisionPolicy = decisionPolicy(settings);
  const events = policy.news === undefined ? [] : question.calendar();
  const news = policy.news && newsWindows(withCalendar(policy.news, events), pair);
  const gate = {
    model_version: signal.model_version,
    theta1: signal.theta1 ?? 1,
    theta2: signal.theta2 ?? 0,
    has_edge: models?.set.hasEdge(pair.id) ?? false,
    // Of a minute that was scored, a live KPI is the only cause of HALT.
    halted: signal.return_prob !== null && signal.mode === 'HALT',
    stop: stopIn(signal),
    exposure: position.side === 0 ? exposureOf(question, policy, frame) : null,
    news: news === undefined || news === null ? null : explainNews(news, events, policy.news!, pair, time),
    same_policy: signal.policy_hash === settings.policyHash,
  };
  const costs =
    models === null || scored === null
      ? null
      : explainCosts({
          frame,
          returnProb: scored.scores.return_prob,
          resultSigmas: scored.resultSigmas,
          policy,
          expectation: models.set.expectation ?? null,
          costs: pairCosts(tradingCosts(settings), pair),
          fillTime: time + SECONDS_PER_BAR,
        });
  const input = {
    market: frame,
    scores: scored === null ? null : decidedScores(scored, frame, policy, costs?.expected_net_bps ?? NaN),
    terms: {
      theta1: gate.theta1,
      theta2: gate.theta2,
      hasEdge: gate.has_edge,
      isHalted: gate.halted,
      stop: gate.stop,
      exposure: gate.exposure,
      news: news ?? null,
    },
    policy,
    position: agePosition(position),
    time,
    roundTripBps: costs?.round_trip_bps ?? NaN,
  };
  const conditions = entryStates(PAIR_RULE, position.side, input);
  const to_exit = exitStates(PAIR_RULE, position.side, input);
  return { conditions, to_exit, costs, gate };
}

/** As `scoresOf`, with the expected result of an entry at `z_entry` for a bar that is no candidate. */
function decidedScores(
  { scores }: ScoredRow,
  frame: Readonly<Frame>,
  policy: DecisionPolicy,
  expectedNetBps: number,
): Scores {
  const novelty = isCandidate(frame, policy) ? (scores.novelty ?? NaN) : NaN;
  return { ...scores, novelty, expected_net_bps: expectedNetBps };
}

/** Also of a bar that is no candidate: what an entry on its side would have done. */
function exposureOf(
  { settings, pair, positionOf }: Question,
  policy: DecisionPolicy,
  frame: Readonly<Frame>,
): ExposureAfter | null {
  return exposureAfter({ settings, pair, positionOf }, policy, sideAgainst(frame), frame.beta);
}

function exposureAfter(
  { settings, pair, positionOf }: Pick<Question, 'settings' | 'pair' | 'positionOf'>,
  { exposure }: DecisionPolicy,
  side: Position['side'],
  beta: number,
): ExposureAfter | null {
  if (exposure === undefined) return null;
  const pairs = shardPairs(settings.minutehand, shardNameOf(settings, pair.id));
  const index = pairs.findIndex(({ id }) => id === pair.id);
  const positions = pairs.map(({ id }) => positionOf(id));
  return new ExposureMeter(pairs).after(exposure, positions, index, side, beta);
}

/** Features are compared by their checksum, numbers of the signal by their text: to the bit. */
function compare(
  { featuresCrc, riskProb }: JournaledAnswer,
  signal: SignalBody,
  minute: RecomputedMinute | null,
  scored: ScoredRow | null,
  expectedNetBps: number | null,
  error: string | null,
): Reproduction {
  if (featuresCrc === null) return { equal: true, code: null, differences: [] };
  if (minute === null) return { equal: false, code: 'EXPLAIN_DIFFERS', differences: [] };
  const { buffer, byteOffset, byteLength } = minute.features.values;
  const isScored = signal.expected_net_bps !== null;
  const pairs: [string, string | number | null, string | number | null][] = [
    ['features', featuresCrc, checksum(new Uint8Array(buffer, byteOffset, byteLength))],
  ];
  if (scored !== null)
    pairs.push(
      ['return_prob', signal.return_prob, scored.scores.return_prob],
      ['risk_prob', riskProb, scored.models.ai2.answer],
      ['risk_score', signal.risk_score, scored.scores.risk_score],
      ['position_scale', signal.position_scale, signal.leverage_reduction_rate * scored.models.ai3.answer],
      ...(isScored && signal.novelty !== undefined
        ? [['novelty', signal.novelty, scored.scores.novelty ?? null] as [string, number, number | null]]
        : []),
      ...(isScored ? [['expected_net_bps', signal.expected_net_bps, expectedNetBps] as [string, number, number]] : []),
    );
  const differences = pairs
    .filter(([, published, computed]) => published !== computed)
    .map(([what, published, computed]) => ({ what, published: `${published}`, computed: `${computed}` }));
  const code = error ?? (differences.length > 0 ? 'EXPLAIN_DIFFERS' : null);
  return { equal: code === null, code, differences };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
