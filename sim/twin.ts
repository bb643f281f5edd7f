import { crc32 } from 'node:zlib';
import { Aligner } from '../daemon/align/align.ts';
import type { AnsweredMinute, Heartbeat, PairMinute } from '../daemon/align/minute.ts';
import type { OpenTime } from '../shared/bar.ts';
import { ALL_PAIRS, parseStanding, type StandingHalt } from '../shared/bundle/halts.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { FeatureEngine, type PairBars } from '../shared/core/features/features.ts';
import { parsePair } from '../shared/pair.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../shared/policy/policy.ts';
import { heartbeatId, signalId } from '../daemon/decide/signal_id.ts';
import type { ShadowRow } from '../shared/store/journal.ts';
import type { MemoryJournal, StoredSignal } from './memory_journal.ts';
import { expectedAnswer, NO_POSITION, type ExpectedAnswer, type ExpectedPosition } from './expected_answer.ts';

export interface TwinOptions {
  readonly journal: MemoryJournal;
  readonly settings: Settings;
  /** The set of a version as it was trained. */
  models(version: string): ModelSet;
  /** Versions that failed or were slow while they were active, by boot. */
  failedIn(bootId: string): boolean;
  /**
   * Whether shadow sets go on where their last answer left them: one that is withdrawn and named again while the journal cannot be
   * written goes on where the journal has it.
   */
  readonly shadowsGoOn: boolean;
  onViolation(rule: string, what: string): void;
}

export interface TwinReport {
  /** Signals that were made again. */
  readonly compared: number;
  /** Of these, minutes that a process had journaled and another one answered. */
  readonly leftOver: number;
  /** Heartbeats that were journaled and never answered. */
  readonly lostHeartbeats: number;
  /** Bars that were held back. */
  readonly suspects: number;
  /** What the answers were, by name: each reason, and exits for which several reasons held. */
  readonly seen: ReadonlyMap<string, number>;
}

/** A minute of a pair, or a heartbeat after it, as the inputs say it ended. */
interface Ended {
  readonly minute: AnsweredMinute;
  /** Number of the input that ended it, counted from 1. */
  readonly input: number;
}

/** Halts that stand from an input on: across boots, for they are the world's. */
interface Standing {
  readonly input: number;
  readonly halts: readonly StandingHalt[];
}

/** What was active, by the rows of one boot. */
interface Reign {
  readonly bootId: string;
  readonly bootInput: number;
  /** Swaps and degradations in order, each with the number of its input. */
  readonly swaps: { readonly input: number; readonly version: string }[];
  readonly degradations: { readonly input: number; readonly what: string; readonly isOver: boolean }[];
}

/**
 * One uninterrupted run over all that the journal holds, across every restart: minutes are aligned and features stepped from the first row to the last
 * without a recovery, and every answer is made again, by the reference of `expected_answer.ts`. Each journaled signal has to have the same features, body and position; the models
 * it names have to be the active ones by the rows before it, and its mode what the degradations say.
 */
export function checkTwin(options: TwinOptions): TwinReport {
  const { journal, settings, onViolation } = options;
  const { minutehand } = settings;
  const pairs = minutehand.pairs.map(parsePair);
  const schema = featureSchema(minutehand.windows);
  const { endedByPair, reigns, standings, suspects } = readInputs(options, pairs.length);
  const signalsByPair = pairs.map(({ id }) => journal.signals.filter(({ pairId }) => pairId === id));
  const shadowsBySignal = pairShadows(journal);
  const policy = decisionPolicy(settings);
  const matrix = new Float32Array(schema.definitions.length);
  const seen = new Map<string, number>();
  const note = (name: string): void => void seen.set(name, (seen.get(name) ?? 0) + 1);
  let compared = 0;
  let leftOver = 0;
  let lostHeartbeats = 0;

  pairs.forEach((pair, pairIndex) => {
    const features = new FeatureEngine([pair], minutehand.windows);
    let heartbeats = 0;
    const signals = signalsByPair[pairIndex]!;
    let next = 0;
    let position = NO_POSITION;
    const shadowPositions = new Map<string, ExpectedPosition>();
    for (const { minute, input } of endedByPair[pairIndex]!) {
      heartbeats = isHeartbeat(minute) ? heartbeats + 1 : 0;
      if (minute.outcome === 'COMPLETE') features.step([{ ...(minute as PairBars), pairIndex: 0 }]);
      if (minute.backfill) continue;
      const signal = signals[next];
      const isAnswer =
        signal !== undefined &&
        signal.time === minute.time &&
        signal.afterInput >= input &&
        reasonOf(minute) === /"reason":"(SILENCE|SHUTDOWN)"/.exec(signal.body)?.[1];
      if (!isAnswer) {
        // What the last process had not answered at the end of the world; and a heartbeat is not answered by the next one.
        if (isHeartbeat(minute)) lostHeartbeats++;
        if (isHeartbeat(minute) || signal === undefined) continue;
        onViolation('answer missing', `${pair.id} ${describeTime(minute.time)} has no signal in the journal`);
        continue;
      }
      next++;
      compared++;
      const where = `${pair.id} ${describeTime(minute.time)} seq ${signal.seq} of ${signal.bootId}`;
      checkFeatures(features, minute, signal, where);
      position = checkAnswer(signal, minute, input, where);
      if (options.shadowsGoOn) checkShadow(signal, minute, where);
      checkReign(signal, input, where);
    }
    if (next < signals.length)
      onViolation(
        'signal without a minute',
        `${pair.id} ${describeTime(signals[next]!.time)} of ${signals[next]!.bootId}`,
      );

    /** Each shadow set has a virtual position of its own, that goes on where its last answer left it. */
    function checkShadow(signal: StoredSignal, minute: AnsweredMinute, where: string): void {
      const row = shadowsBySignal.get(`${signal.signalId} ${signal.bootId} ${signal.seq}`);
      if (row === undefined) return;
      const answer = answerOf(minute, {
        models: options.models(row.modelVersion),
        isDegraded: row.body.includes('"mode":"DEGRADED"'),
        isHalted: false,
        position: shadowPositions.get(row.modelVersion) ?? NO_POSITION,
        id: signal.signalId,
      });
      if (answer.body !== row.body || answer.position !== row.position)
        onViolation('shadow differs from an uninterrupted run', `${row.modelVersion} at ${where}`);
      shadowPositions.set(row.modelVersion, JSON.parse(row.position) as ExpectedPosition);
    }

    interface Asked {
      readonly models: ModelSet | null;
      readonly isDegraded: boolean;
      readonly isHalted: boolean;
      readonly position: ExpectedPosition;
      /** Of the signal, where it is not this answer's own. */
      readonly id?: string;
    }

    /** What models have to say to a minute, by the documents. */
    function answerOf(
      minute: AnsweredMinute,
      { models, isDegraded, isHalted, position: before, id }: Asked,
    ): ExpectedAnswer {
      const isWarm = features.ready(0);
      const isScored = isWarm && models !== null && (minute.outcome === 'COMPLETE' || isHeartbeat(minute));
      if (isScored) features.writeRow(0, matrix, 0);
      const scores = isScored ? atOnce(models.infer(matrix, 1)) : null;
      const frame = features.frame(0);
      return expectedAnswer({
        symbols: [pair.a, pair.b],
        time: minute.time,
        outcome: minute.outcome,
        isLastResort: isHeartbeat(minute) && minute.isHalted,
        closes: [minute.a?.close ?? null, minute.b?.close ?? null],
        isWarm,
        bar: { ...frame, closeA: frame.a.close, closeB: frame.b.close },
        models,
        hasEdge: models?.hasEdge(pair.id) ?? false,
        scores: scores === null ? null : firstOf(scores),
        isHalted,
        isDegraded,
        policy,
        position: before,
        signalId: id ?? idOf(minute, models?.modelsHash ?? 'none'),
        featureSchema: schema.hash,
        policyHash: settings.policyHash,
      });
    }

    function idOf(minute: AnsweredMinute, modelsHash: string): string {
      if (!isHeartbeat(minute)) return signalId(pair.id, minute.time, modelsHash, settings.policyHash);
      const kind = minute.outcome === 'SILENCE' ? 'silence' : 'shutdown';
      return heartbeatId(pair.id, minute.time, kind, heartbeats, modelsHash, settings.policyHash);
    }

    function checkAnswer(signal: StoredSignal, minute: AnsweredMinute, input: number, where: string): ExpectedPosition {
      const said = JSON.parse(`${signal.body}}`) as { model_version: string; mode: string; reason: string };
      const models = said.model_version === '' ? null : options.models(said.model_version);
      const answers = haltsOf(said.model_version, signal, input).map((isHalted) =>
        answerOf(minute, { models, isDegraded: said.mode === 'DEGRADED', isHalted, position }),
      );
      const answer = answers.find(({ body }) => body === signal.body) ?? answers[0]!;
      if (answer.body !== signal.body)
        onViolation(
          'body differs from an uninterrupted run',
          `${where}\n    is  ${signal.body}\n    was to be ${answer.body}`,
        );
      if (answer.position !== signal.position)
        onViolation(
          'position differs from an uninterrupted run',
          `${where}: ${signal.position}, was to be ${answer.position}`,
        );
      note(said.reason);
      if (position.side !== 0 && answer.met.length > 1) note(`${answer.met.slice(0, 2).join(' and ')} at once`);
      return JSON.parse(signal.position) as ExpectedPosition;
    }

    /**
     * Whether the pair was halted under the models that answered, by the rows before the minute. A minute that was left over was
     * answered some time between the next boot and its signal, and any of what stood then will do.
     */
    function haltsOf(version: string, signal: StoredSignal, input: number): boolean[] {
      const isHalted = ({ halts }: Standing): boolean =>
        halts.some((halt) => halt.version === version && (halt.pair_id === pair.id || halt.pair_id === ALL_PAIRS));
      const isLeftOver = input < (reigns.get(signal.bootId)?.bootInput ?? 0);
      const before = standings.findLast((standing) => standing.input <= input)!;
      const later = standings.filter((standing) => standing.input > input && standing.input <= signal.afterInput);
      return [before, ...(isLeftOver ? later : [])].map(isHalted);
    }
  });
  return { compared, leftOver, lostHeartbeats, suspects, seen };

  function checkFeatures(features: FeatureEngine, minute: AnsweredMinute, signal: StoredSignal, where: string): void {
    const { buffer, byteOffset, byteLength } = features.values(0);
    const expected =
      minute.outcome === 'COMPLETE'
        ? crc32(new Uint8Array(buffer, byteOffset, byteLength))
            .toString(16)
            .padStart(8, '0')
        : null;
    if (signal.featuresCrc !== expected)
      onViolation(
        'features differ from an uninterrupted run',
        `${where}: ${signal.featuresCrc}, were to be ${expected}`,
      );
  }

  function checkReign(signal: StoredSignal, input: number, where: string): void {
    const reign = reigns.get(signal.bootId);
    if (reign === undefined) return onViolation('signal without a boot', where);
    const said = JSON.parse(`${signal.body}}`) as { model_version: string; mode: string; reason: string };
    // A minute of the process before was answered after the start had loaded its models.
    const isLeftOver = input < reign.bootInput;
    if (isLeftOver) leftOver++;
    const until = isLeftOver ? signal.afterInput : input;
    const sofar = reign.swaps.filter((swap) => swap.input <= until);
    const versions = sofar.map(({ version }) => version);
    const active = versions.at(-1) ?? '';
    const hasFailed = options.failedIn(signal.bootId);
    const allowed = isLeftOver || hasFailed ? ['', ...versions] : [active];
    if (!allowed.includes(said.model_version))
      onViolation('models that were not active', `${where}: "${said.model_version}", active "${active}"`);
    const wrong = new Set<string>();
    const evaluatedAt = Math.max(input, reign.bootInput);
    for (const { input: at, what, isOver } of reign.degradations) {
      if (at > evaluatedAt) break;
      // A later swap ends what was wrong with the models.
      const isMended = what === 'models' && reign.swaps.some((swap) => swap.input > at && swap.input <= evaluatedAt);
      if (isOver || isMended) wrong.delete(what);
      else wrong.add(what);
    }
    if (said.mode === 'OK' && wrong.size > 0)
      onViolation('mode OK while something is wrong', `${where}: ${[...wrong].join(', ')}`);
    if (said.mode === 'DEGRADED' && said.reason !== 'SILENCE' && reign.degradations.length === 0 && !hasFailed)
      onViolation('mode DEGRADED for no reason', where);
  }
}

function isHeartbeat(minute: AnsweredMinute): minute is Heartbeat {
  return minute.outcome === 'SILENCE' || minute.outcome === 'SHUTDOWN';
}

function firstOf(scores: BatchScores): { return_prob: number; risk_score: number; position_scale: number } {
  const { return_prob, risk_score, position_scale } = scores;
  return { return_prob: return_prob[0]!, risk_score: risk_score[0]!, position_scale: position_scale[0]! };
}

/** The reason that a heartbeat has to give; nothing of a minute, whose reason is a decision. */
function reasonOf(minute: AnsweredMinute): 'SILENCE' | 'SHUTDOWN' | undefined {
  return isHeartbeat(minute) ? minute.outcome : undefined;
}

function atOnce<T>(scores: T | Promise<T>): T {
  if (scores instanceof Promise) throw new TypeError('models of a simulation answer at once');
  return scores;
}

/** The shadow's answer to each signal, by id, boot and seq: a decision that is made again by another boot has the same id. */
function pairShadows({ signals, shadows }: MemoryJournal): Map<string, ShadowRow> {
  const rows = new Map<string, ShadowRow[]>();
  for (const row of shadows) rows.set(row.signalId, [...(rows.get(row.signalId) ?? []), row]);
  const paired = new Map<string, ShadowRow>();
  for (const { signalId, bootId, seq } of signals) {
    const row = rows.get(signalId)?.shift();
    if (row !== undefined) paired.set(`${signalId} ${bootId} ${seq}`, row);
  }
  return paired;
}

function describeTime(time: OpenTime): string {
  return new Date(time * 1000).toISOString().slice(0, 16);
}

function heartbeatMinute(pairIndex: number, time: OpenTime, kind: 'silence' | 'silence_halt' | 'shutdown') {
  const outcome = kind === 'shutdown' ? 'SHUTDOWN' : 'SILENCE';
  return { pairIndex, time, a: null, b: null, outcome, isHalted: kind !== 'silence', backfill: false } as const;
}

/** Aligns all inputs from the first to the last, and notes what was active when. */
function readInputs(
  { journal, settings, onViolation }: TwinOptions,
  pairCount: number,
): { endedByPair: Ended[][]; reigns: Map<string, Reign>; standings: readonly Standing[]; suspects: number } {
  const pairs = settings.minutehand.pairs.map(parsePair);
  const endedByPair: Ended[][] = Array.from({ length: pairCount }, () => []);
  const reigns = new Map<string, Reign>();
  const standings: Standing[] = [{ input: 0, halts: [] }];
  let reign: Reign | null = null;
  let input = 0;
  /** The suspect bar whose mark has to come next. */
  let unmarked: string | null = null;
  let suspects = 0;
  const end = (minute: PairMinute): void => void endedByPair[minute.pairIndex]!.push({ minute, input });
  const aligner = new Aligner(pairs, screenPolicy(settings), end);
  const lastMinute = (pairIndex: number): OpenTime | null =>
    endedByPair[pairIndex]!.findLast(({ minute }) => !isHeartbeat(minute))?.minute.time ?? null;
  for (const { kind, subject, time, bar, backfill } of journal.inputs) {
    input++;
    const pairIndex = pairs.findIndex(({ id }) => id === subject);
    switch (kind) {
      case 'bar':
      case 'empty':
        if (unmarked !== null) onViolation('suspect bar without its mark', unmarked);
        aligner.take(subject, time, bar ?? 'empty', backfill, 0);
        unmarked = kind === 'bar' && aligner.screenOf(subject)!.isSuspect ? `${subject} ${describeTime(time)}` : null;
        break;
      case 'suspect':
        if (unmarked !== `${subject} ${describeTime(time)}`)
          onViolation('mark without a suspect bar', `${subject} ${describeTime(time)}`);
        unmarked = null;
        suspects++;
        break;
      case 'timeout':
        aligner.giveUp(pairIndex, time);
        break;
      case 'silence':
      case 'silence_halt':
      case 'shutdown': {
        const last = lastMinute(pairIndex);
        if (last === null) break;
        const minute = heartbeatMinute(pairIndex, last, kind);
        endedByPair[pairIndex]!.push({ minute, input });
        break;
      }
      case 'boot':
        reign = { bootId: subject, bootInput: input, swaps: [], degradations: [] };
        reigns.set(subject, reign);
        break;
      case 'swap':
        reign?.swaps.push({ input, version: subject });
        break;
      case 'halts':
        standings.push({ input, halts: parseStanding(subject).halts });
        break;
      case 'degraded':
      case 'recovered':
        reign?.degradations.push({ input, what: subject, isOver: kind === 'recovered' });
        break;
    }
  }
  if (unmarked !== null) onViolation('suspect bar without its mark', unmarked);
  return { endedByPair, reigns, standings, suspects };
}
