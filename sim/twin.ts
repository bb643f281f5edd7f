import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type AnsweredMinute, isHeartbeat, type PairMinute } from '../daemon/align/minute.ts';
import { heartbeatId, signalId } from '../daemon/decide/signal_ids.ts';
import { ALL_PAIRS } from '../shared/bundle/halts.ts';
import type { ActiveRollout } from '../shared/bundle/rollout.ts';
import { barSecondsOf, isInstrument, type Pair, timeframeOf } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { ShadowRow } from '../shared/store/journal.ts';
import { type InstrumentArchive, InstrumentReference } from './instrument_reference.ts';
import { KnownOthers } from './known_others.ts';
import type { MemoryJournal, StoredSignal } from './memory_journal.ts';
import { PairReference } from './pair_reference.ts';
import type { ReferenceModels } from './reference_models.ts';
import { isFatal, ruleVersion } from './rules.ts';
import type { Asked, ExpectedArm, ReferenceAnswer, SubjectReference } from './subject_reference.ts';
import { type BootSpan, describeTime, type Ended, readInputs, type Standing, type TwinInputs } from './twin_inputs.ts';
import { subjectsOf } from './variety.ts';

export interface TwinOptions extends InstrumentArchive {
  readonly journal: MemoryJournal;
  readonly settings: Settings;
  readonly models: ReferenceModels;
  /** Whether models failed or were slow in the process of this boot. */
  failedIn(bootId: string): boolean;
  /**
   * Whether shadow sets resume from their last answer. One that is withdrawn and restored while the journal cannot be
   * written resumes from the journal's position instead.
   */
  readonly shadowsGoOn: boolean;
  onViolation(rule: string, what: string): void;
}

export interface TwinReport {
  /** Number of recomputed signals. */
  readonly compared: number;
  /** Number of these whose minute was journaled by one process and answered by another. */
  readonly leftOver: number;
  /** Number of heartbeats that were journaled and never answered. */
  readonly lostHeartbeats: number;
  /** Number of bars that were held back as suspect. */
  readonly suspects: number;
  /** Counts of answers by name: each reason, and exits for which several reasons held. */
  readonly seen: ReadonlyMap<string, number>;
}

/**
 * One uninterrupted run over the whole journal, across every restart: minutes are aligned and features stepped from the
 * first row to the last without a recovery, and every answer is recomputed by the reference of `expected_answer.ts`.
 * Each journaled signal must have the same features, body and position; its models must be the active ones by the rows
 * before it, and its mode must match the degradations.
 */
export function checkTwin(options: TwinOptions): TwinReport {
  const { journal, settings, onViolation } = options;
  const inputs = readInputs(journal.inputs, settings, onViolation);
  const tally: Tally = { compared: 0, leftOver: 0, lostHeartbeats: 0, seen: new Map() };
  const twin: Twin = {
    options,
    inputs,
    tally,
    shadows: pairShadows(journal),
  };
  for (const name of inputs.seen) tally.seen.set(name, 1);
  subjectsOf(settings).forEach((subject, pairIndex) => {
    const signals = journal.signals.filter(({ pairId }) => pairId === subject.id);
    new SubjectTwin(twin, subject).run(inputs.endedByPair[pairIndex]!, signals);
  });
  return { ...tally, suspects: inputs.suspects };
}

/** Totals of the run so far. */
interface Tally {
  compared: number;
  leftOver: number;
  lostHeartbeats: number;
  readonly seen: Map<string, number>;
}

/** State shared by all subjects. */
interface Twin {
  readonly options: TwinOptions;
  readonly inputs: TwinInputs;
  readonly tally: Tally;
  /** Shadow rows, also of both arms of a rollout, by signal id, boot and seq. */
  readonly shadows: ReadonlyMap<string, readonly ShadowRow[]>;
}

/** Fields of a signal's body that the checks read. */
interface Said {
  readonly model_version: string;
  readonly mode: string;
  readonly reason: string;
}

const saidBy = ({ body }: StoredSignal): Said => JSON.parse(`${body}}`) as Said;

/** Reference run of one subject over the whole journal. */
class SubjectTwin {
  readonly #twin: Twin;
  readonly #subject: Pair;
  readonly #reference: SubjectReference;
  #heartbeats = 0;
  /** As stored in the journal. */
  #position: string;
  /** Of the last signal. */
  #bootId = '';
  #version = '';
  readonly #shadowPositions = new Map<string, string>();
  /** Inputs that ended the bars at which rules with a fault throw. */
  readonly #fatal: number[] = [];

  constructor(twin: Twin, subject: Pair) {
    this.#twin = twin;
    this.#subject = subject;
    this.#reference = referenceOf(twin, subject);
    this.#position = this.#reference.flat;
  }

  run(ended: readonly Ended[], signals: readonly StoredSignal[]): void {
    const { options, tally } = this.#twin;
    let next = 0;
    for (const { minute, input } of ended) {
      this.#step(minute, input);
      if (minute.backfill) continue;
      const signal = signals[next];
      if (signal === undefined || !isAnswerTo(signal, minute, input)) {
        this.#unanswered(minute, signal);
        continue;
      }
      next++;
      tally.compared++;
      const where = `${this.#subject.id} ${describeTime(minute.time)} seq ${signal.seq} of ${signal.bootId}`;
      this.#checkFeatures(signal, minute, where);
      const position = this.#position;
      this.#checkAnswer(signal, minute, input, where);
      if (options.shadowsGoOn) this.#checkShadows(signal, minute, input, where);
      checkActive(this.#twin, this.#subject, { signal, input, position, fatal: this.#fatal }, where);
    }
    const left = signals[next];
    if (left !== undefined)
      options.onViolation(
        'signal without a minute',
        `${this.#subject.id} ${describeTime(left.time)} of ${left.bootId}`,
      );
  }

  #step(minute: AnsweredMinute, input: number): void {
    this.#heartbeats = isHeartbeat(minute) ? this.#heartbeats + 1 : 0;
    if (minute.outcome !== 'COMPLETE') return;
    this.#reference.step(minute as PairMinute, input);
    if (isFatal(minute.a!.close)) this.#fatal.push(input);
  }

  /** Minutes may be unanswered at the end of the world; an unanswered heartbeat is not answered by the next process. */
  #unanswered(minute: AnsweredMinute, nextSignal: StoredSignal | undefined): void {
    const { options, tally } = this.#twin;
    if (isHeartbeat(minute)) tally.lostHeartbeats++;
    else if (nextSignal !== undefined)
      options.onViolation(
        'answer missing',
        `${this.#subject.id} ${describeTime(minute.time)} has no signal in the journal`,
      );
  }

  #checkFeatures(signal: StoredSignal, minute: AnsweredMinute, where: string): void {
    const { buffer, byteOffset, byteLength } = this.#reference.values(saidBy(signal).model_version);
    const expected =
      minute.outcome === 'COMPLETE'
        ? crc32(new Uint8Array(buffer, byteOffset, byteLength))
            .toString(16)
            .padStart(8, '0')
        : null;
    if (signal.featuresCrc !== expected)
      this.#twin.options.onViolation(
        'features differ from an uninterrupted run',
        `${where}: ${signal.featuresCrc}, were to be ${expected}`,
      );
  }

  #checkAnswer(signal: StoredSignal, minute: AnsweredMinute, input: number, where: string): void {
    const { onViolation } = this.#twin.options;
    const printed = saidBy(signal);
    const position = this.#position;
    const isDegraded = printed.mode === 'DEGRADED';
    const version = printed.model_version;
    const free = this.#haltsOf(version, signal, input).flatMap((isHalted) =>
      this.#besideOf(version, signal, input).map((beside) =>
        this.#answerOf(minute, { version, isDegraded, isHalted, position, ...beside }),
      ),
    );
    const isStoppable = minute.outcome === 'COMPLETE' && position === this.#reference.flat;
    const stops = isStoppable ? this.#unreadStopsOf(signal, input) : [false];
    const answers = stops.flatMap((isUnread) => (isUnread ? free.map((own) => this.#stopped(own)) : free));
    const answer = answers.find(({ body }) => body === signal.body) ?? answers[0]!;
    if (answer.body !== signal.body && !this.#hasThrown(minute, version))
      onViolation(
        'body differs from an uninterrupted run',
        `${where}\n    is  ${signal.body}\n    was to be ${answer.body}`,
      );
    if (answer.position !== signal.position)
      onViolation(
        'position differs from an uninterrupted run',
        `${where}: ${signal.position}, was to be ${answer.position}`,
      );
    const isOfRule = ruleVersion(version) !== null;
    const before = this.#version;
    this.#note(`${this.#kind(version)}${printed.reason}`);
    if (isOfRule && answer.position.includes('"rollout":')) this.#note('position of a challenger of rules');
    this.#noteGroup(printed);
    if (position !== this.#reference.flat && answer.met.length > 1)
      this.#note(`${answer.met.slice(0, 2).join(' and ')} at once`);
    const isRestarted = this.#bootId !== '' && this.#bootId !== signal.bootId;
    if (isRestarted && position !== this.#reference.flat && this.#kind(version) !== '')
      this.#note(`${this.#kind(version)}position after a restart`);
    if (isOfRule && position !== this.#reference.flat && before !== '' && ruleVersion(before) === null)
      this.#note(`${this.#kind(version)}in a position of models`);
    this.#position = signal.position;
    this.#bootId = signal.bootId;
  }

  /**
   * Whether the daemon could not read its stops, by the rows before the minute: nothing is entered then. Of a minute
   * that was left over, either.
   */
  #unreadStopsOf(signal: StoredSignal, input: number): boolean[] {
    const boot = this.#twin.inputs.boots.get(signal.bootId);
    if (boot === undefined) return [false];
    if (input < boot.bootInput) return [false, true];
    return [degradationsAt(boot, this.#subject, input).has('stops')];
  }

  /** An answer of a flat subject while its entries are stopped. */
  #stopped(free: ReferenceAnswer): ReferenceAnswer {
    const said = JSON.parse(`${free.body}}`) as Said & Record<string, unknown>;
    if (said.reason === 'WARMUP') return free;
    const body = { ...said, entry: '', action: 'HOLD', reason: 'STOPPED', target: 0, position_id: '' };
    return { body: JSON.stringify(body).slice(0, -1), position: this.#reference.flat, met: ['STOPPED'] };
  }

  /** Whether a rule may have thrown that a heartbeat names: it says of itself what it did before that bar. */
  #hasThrown(minute: AnsweredMinute, version: string): boolean {
    const rule = ruleVersion(version);
    if (!isHeartbeat(minute) || rule === null || this.#fatal.length === 0) return false;
    return this.#twin.options.rules.trained(rule).isFaulty;
  }

  /** Begins the names of states that depend on what answers. */
  #kind(version: string): string {
    if (ruleVersion(version) !== null) return 'rule ';
    return isInstrument(this.#subject) ? 'instrument ' : '';
  }

  #noteGroup({ model_version, reason }: Said): void {
    const { id } = this.#subject;
    const hasGroup = !isInstrument(this.#subject) && this.#twin.options.models.group(model_version, id) !== null;
    if (hasGroup && reason === 'ENTRY') this.#note('ENTRY of a group');
    if (hasGroup && reason === 'IN_POSITION' && this.#version !== model_version)
      this.#note('models with groups swapped in a position');
    this.#version = model_version;
  }

  #note(name: string): void {
    const { seen } = this.#twin.tally;
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }

  /** Each shadow, and each arm of a rollout, has its own virtual position, which resumes from its last answer. */
  #checkShadows(signal: StoredSignal, minute: AnsweredMinute, input: number, where: string): void {
    const { options, shadows } = this.#twin;
    for (const row of shadows.get(`${signal.signalId} ${signal.bootId} ${signal.seq}`) ?? []) {
      // An arm's answers are kept under its version and the rollout.
      const isArm = row.modelVersion.includes('@');
      const version = isArm ? `rule/${row.modelVersion.split('@')[0]!}` : row.modelVersion;
      if (isArm) this.#note('arm of a rollout of rules');
      else if (ruleVersion(version) !== null) this.#note(`${this.#kind(version)}in a shadow`);
      else if (isInstrument(this.#subject)) this.#note('instrument in a shadow');
      else if (options.models.group(version, this.#subject.id) !== null) this.#note('group in a shadow');
      const asked = {
        version,
        isDegraded: row.body.includes('"mode":"DEGRADED"'),
        isHalted: false,
        position: this.#shadowPositions.get(row.modelVersion) ?? this.#reference.flat,
        id: signal.signalId,
      };
      const isSame = ({ body, position }: ReferenceAnswer): boolean => body === row.body && position === row.position;
      const besides = this.#besideOf(version, signal, input).map(({ arm: _, ...beside }) => beside);
      if (!besides.some((beside) => isSame(this.#answerOf(minute, { ...asked, ...beside }))))
        options.onViolation('shadow differs from an uninterrupted run', `${row.modelVersion} at ${where}`);
      this.#shadowPositions.set(row.modelVersion, row.position);
    }
  }

  /**
   * Where a rule answers: the models that may have scored the bar beside it, and the arm of a rollout that it is. One
   * of them, unless the minute was left over, or models or the challenger failed.
   */
  #besideOf(version: string, signal: StoredSignal, input: number): Pick<Asked, 'direction' | 'arm'>[] {
    const { options, inputs } = this.#twin;
    const boot = inputs.boots.get(signal.bootId);
    if (ruleVersion(version) === null || boot === undefined) return [{}];
    const isLeftOver = input < boot.bootInput;
    const span = { boot, until: isLeftOver ? signal.afterInput : input };
    const versions = versionsUntil(span, this.#subject);
    const isOpen = isLeftOver || options.failedIn(signal.bootId);
    const directions = isOpen ? ['', ...versions] : [versions.at(-1) ?? ''];
    const active = activeRollout(span, this.#subject);
    const mayHaveFailed = active !== null && options.rules.trained(active.challenger).isFaulty;
    const arms = isLeftOver
      ? [undefined, ...rolloutsUntil(span, this.#subject).map((rollout) => armOf(rollout, version))]
      : [armOf(active, version), ...(mayHaveFailed ? [undefined] : [])];
    return directions.flatMap((direction) => arms.map((arm) => ({ direction, arm })));
  }

  #answerOf(minute: AnsweredMinute, asked: Omit<Asked, 'idOf'> & { readonly id?: string }): ReferenceAnswer {
    const { id } = asked;
    const idOf = (modelsHash: string): string => id ?? this.#idOf(minute, modelsHash);
    return this.#reference.answer(minute, { ...asked, idOf });
  }

  #idOf(minute: AnsweredMinute, modelsHash: string): string {
    const { policyHash } = this.#twin.options.settings;
    const { id } = this.#subject;
    if (!isHeartbeat(minute)) return signalId(id, minute.time, modelsHash, policyHash);
    const kind = minute.outcome === 'SILENCE' ? 'silence' : 'shutdown';
    return heartbeatId(id, minute.time, kind, this.#heartbeats, modelsHash, policyHash);
  }

  /**
   * Possible halts of the pair under the models that answered, by the rows before the minute. A leftover minute was
   * answered between the next boot and its signal, so every state in between is accepted.
   */
  #haltsOf(version: string, signal: StoredSignal, input: number): boolean[] {
    // Halts concern pairs only.
    if (isInstrument(this.#subject)) return [false];
    const { boots, standings } = this.#twin.inputs;
    const { id } = this.#subject;
    const isHalted = ({ halts }: Standing): boolean =>
      halts.some((halt) => halt.version === version && (halt.pair_id === id || halt.pair_id === ALL_PAIRS));
    const isLeftOver = input < (boots.get(signal.bootId)?.bootInput ?? 0);
    const before = standings.findLast((standing) => standing.input <= input)!;
    const later = standings.filter((standing) => standing.input > input && standing.input <= signal.afterInput);
    return [before, ...(isLeftOver ? later : [])].map(isHalted);
  }
}

function referenceOf({ options, inputs, tally }: Twin, subject: Pair): SubjectReference {
  const { journal, settings, models } = options;
  const note = (name: string): void => void tally.seen.set(name, 1);
  if (!isInstrument(subject))
    return new PairReference({
      pair: subject,
      settings,
      models,
      versions: versionsOf(subject, journal),
      others: new KnownOthers(journal.inputs, subject),
      note,
    });
  return new InstrumentReference(subject, settings, options, inputs, note);
}

/** Of the models and rules that have answered a subject, published or as a shadow. */
function versionsOf({ id }: Pair, { signals, shadows }: MemoryJournal): string[] {
  const answers = signals.filter(({ pairId }) => pairId === id).map((signal) => saidBy(signal).model_version);
  const beside = shadows.filter(({ pairId }) => pairId === id).map(({ modelVersion }) => modelVersion);
  // An arm's answers are kept under its version and the rollout.
  return [...new Set([...answers, ...beside])].filter((version) => version !== '' && !version.includes('@'));
}

function isAnswerTo(signal: StoredSignal, minute: AnsweredMinute, input: number): boolean {
  return (
    signal.time === minute.time &&
    signal.afterInput >= input &&
    reasonOf(minute) === /"reason":"(SILENCE|SHUTDOWN)"/.exec(signal.body)?.[1]
  );
}

interface CheckedSignal {
  readonly signal: StoredSignal;
  /** Number of the input that ended its minute. */
  readonly input: number;
  /** Before it, as stored in the journal. */
  readonly position: string;
  /** Inputs up to it that ended the subject's fatal bars. */
  readonly fatal: readonly number[];
}

/** Checks a signal's models and mode against the rows before it. */
function checkActive(
  { options, inputs, tally }: Twin,
  subject: Pair,
  { signal, input, position, fatal }: CheckedSignal,
  where: string,
): void {
  const { onViolation, failedIn } = options;
  const boot = inputs.boots.get(signal.bootId);
  if (boot === undefined) return onViolation('signal without a boot', where);
  const printed = saidBy(signal);
  // A minute left over by the previous process was answered after the start had loaded its models.
  const isLeftOver = input < boot.bootInput;
  if (isLeftOver) tally.leftOver++;
  const until = isLeftOver ? signal.afterInput : input;
  const versions = versionsUntil({ boot, until }, subject);
  const active = versions.at(-1) ?? '';
  const hasFailed = failedIn(signal.bootId);
  const models = isLeftOver || hasFailed ? ['', ...versions] : [active];
  const span = { boot, until };
  const isHeartbeat = printed.reason === 'SILENCE' || printed.reason === 'SHUTDOWN';
  const asked = {
    time: signal.time,
    position,
    isHeartbeat,
    isFaulty: (version: string) => options.rules.trained(version).isFaulty,
    fatal,
  };
  const due = isLeftOver ? null : rulesAt(span, subject, asked, (name) => void tally.seen.set(name, 1));
  const rules = due === null ? rulesUntil(span, subject) : due.rules;
  const allowed = rules.flatMap((rule) => (rule === '' ? models : [`rule/${rule}`]));
  if (!allowed.includes(printed.model_version))
    onViolation('models that were not active', `${where}: "${printed.model_version}", not ${allowed.join()}`);
  const wrong = degradationsAt(boot, subject, Math.max(input, boot.bootInput));
  if (printed.mode === 'OK' && wrong.size > 0)
    onViolation('mode OK while something is wrong', `${where}: ${[...wrong].join(', ')}`);
  if (printed.mode === 'OK' && due?.hasEnded === true) onViolation('mode OK though the rule has thrown', where);
  if (printed.mode === 'DEGRADED' && printed.reason !== 'SILENCE' && boot.degradations.length === 0 && !hasFailed)
    onViolation('mode DEGRADED for no reason', where);
}

/** A boot's rows up to an input. */
interface Span {
  readonly boot: BootSpan;
  readonly until: number;
}

/** Versions of the models that answer a subject; empty: none, since they failed. */
function versionsUntil({ boot, until }: Span, subject: Pair): string[] {
  return swapsOf(boot, subject)
    .filter((swap) => swap.input <= until)
    .map(({ version }) => version);
}

/** The arm of a rollout that a signal of this version is; undefined: none. */
function armOf(rollout: ActiveRollout | null, version: string): ExpectedArm | undefined {
  const rule = ruleVersion(version);
  if (rollout === null || (rule !== rollout.challenger && rule !== rollout.champion)) return undefined;
  return { arm: rule === rollout.challenger ? 'challenger' : 'champion', rollout: rollout.id };
}

/** Rollouts of the rules of a subject; null: it has ended. */
function rolloutsUntil({ boot, until }: Span, { id }: Pair): (ActiveRollout | null)[] {
  return boot.rollouts
    .filter(({ input }) => input <= until)
    .map(({ rollout }) => (rollout?.instrument === id ? rollout : null));
}

/** Version of the rule that a span's end serves for a subject; empty: none, so that the models answer. */
function servedRule({ boot, until }: Span, { id }: Pair): string {
  return boot.rules.findLast(({ input, instrument }) => input <= until && instrument === id)?.version ?? '';
}

/** The rollout that decides arms at a span's end: its champion is served. */
function activeRollout(span: Span, subject: Pair): ActiveRollout | null {
  const rollout = rolloutsUntil(span, subject).at(-1) ?? null;
  return rollout?.champion === servedRule(span, subject) ? rollout : null;
}

/** Every rule that may have answered a minute that was left over; empty: none may have. */
function rulesUntil(span: Span, subject: Pair): string[] {
  const { boot, until } = span;
  const served = boot.rules.filter(({ input, instrument }) => input <= until && instrument === subject.id);
  const challengers = rolloutsUntil(span, subject).flatMap((rollout) => (rollout === null ? [] : [rollout.challenger]));
  return ['', ...served.map(({ version }) => version), ...challengers];
}

/** More than a process leaves unanswered. */
const LEFT_OVER_INPUTS = 200;

interface RuleQuestion {
  readonly time: number;
  readonly position: string;
  /** It fails nothing: a rule that has thrown still answers it. */
  readonly isHeartbeat: boolean;
  /** Whether the rule of a version throws at fatal bars. */
  isFaulty(version: string): boolean;
  readonly fatal: readonly number[];
}

/**
 * Rules that may answer a bar; empty text: none, so that the models do. Of one with a fault, that is known
 * unless a fatal bar came shortly before it began: the daemon may have taken it by then, or not.
 */
function rulesAt(
  span: Span,
  subject: Pair,
  { time, position, isHeartbeat, isFaulty, fatal }: RuleQuestion,
  see: (name: string) => void,
): { readonly rules: readonly string[]; readonly hasEnded: boolean } {
  const { boot, until } = span;
  const stateOf = (version: string, began: number): 'answers' | 'may have failed' | 'has failed' => {
    if (version === '' || !isFaulty(version)) return 'answers';
    if (fatal.some((input) => input > began && input <= until)) return isHeartbeat ? 'may have failed' : 'has failed';
    // Minutes that the process before left over are answered, and taken by the rule, after the start.
    const since = boot.bootInput - LEFT_OVER_INPUTS;
    return fatal.some((input) => input > since && input <= began) ? 'may have failed' : 'answers';
  };
  const served = servedRule(span, subject);
  const beganServed = boot.rules.findLast(({ input, instrument }) => input <= until && instrument === subject.id);
  const champion = stateOf(served, beganServed?.input ?? 0);
  const withoutArms = champion === 'answers' ? [served] : champion === 'has failed' ? [''] : [served, ''];
  const hasEnded = champion === 'has failed';
  if (hasEnded) see('rule that throws');
  const due = ruleAt(span, subject, time, position);
  if (hasEnded || due === served) return { rules: withoutArms, hasEnded };
  const beganArm = boot.rollouts.find(({ rollout }) => rollout?.challenger === due)!.input;
  const challenger = stateOf(due, beganArm);
  if (challenger === 'answers')
    return { rules: champion === 'answers' ? [due] : [due, ...withoutArms], hasEnded: false };
  if (challenger === 'may have failed') return { rules: [due, ...withoutArms], hasEnded: false };
  return { rules: withoutArms, hasEnded: false };
}

/**
 * Version of the rule that must answer a bar: that of the arm that opened the position, and without one that of the
 * unit, by the definition of the assignment.
 * @param position before the bar, as stored in the journal
 */
function ruleAt(span: Span, subject: Pair, time: number, position: string): string {
  const rollout = activeRollout(span, subject);
  if (rollout === null) return servedRule(span, subject);
  const held = JSON.parse(position) as { readonly side: number; readonly rollout?: string };
  const unit = `${subject.id}|${Math.floor(time / (60 * rollout.block_minutes))}`;
  const hash = createHmac('sha256', Buffer.from(rollout.key, 'hex')).update(unit).digest().readUInt32BE(0);
  const isChallenger = held.side === 0 ? hash / 2 ** 32 < rollout.share : held.rollout === rollout.id;
  return isChallenger ? rollout.challenger : rollout.champion;
}

/** Swaps of the models that answer a subject. */
function swapsOf(boot: BootSpan, subject: Pair): readonly { readonly input: number; readonly version: string }[] {
  if (!isInstrument(subject)) return boot.swaps;
  const own = timeframeOf(barSecondsOf(subject));
  return boot.directions.filter(({ timeframe }) => timeframe === own);
}

/** Degradations of a subject by the rows up to input `evaluatedAt`. */
function degradationsAt(boot: BootSpan, subject: Pair, evaluatedAt: number): Set<string> {
  const wrong = new Set<string>();
  const kinds = isInstrument(subject) ? ['instruments', timeframeOf(barSecondsOf(subject))] : ['pairs'];
  const own = [...kinds, subject.id];
  const ownRules = boot.rules.filter(({ instrument }) => instrument === subject.id);
  const swaps = swapsOf(boot, subject);
  for (const { input: at, what, isOver } of boot.degradations) {
    if (at > evaluatedAt) break;
    const [name, scope] = what.split(' ') as [string, string?];
    if (scope !== undefined && !own.includes(scope)) continue;
    // A later swap ends a degradation of the models.
    const isOfModels = name === 'models' || name === 'direction_models';
    const ending = isOfModels ? swaps : name === 'rules' ? ownRules : [];
    const isMended = ending.some((swap) => swap.input > at && swap.input <= evaluatedAt);
    if (isOver || isMended) wrong.delete(what);
    else wrong.add(what);
  }
  return wrong;
}

/** The reason required of a heartbeat; undefined for a minute, whose reason is a decision. */
function reasonOf(minute: AnsweredMinute): 'SILENCE' | 'SHUTDOWN' | undefined {
  return isHeartbeat(minute) ? minute.outcome : undefined;
}

/**
 * The answers beside each signal, by id, boot and seq: one of each version. A decision repeated by another boot has the
 * same id.
 */
function pairShadows({ signals, shadows }: MemoryJournal): Map<string, ShadowRow[]> {
  const rows = new Map<string, Map<string, ShadowRow[]>>();
  for (const row of shadows) {
    const ofSignal = rows.get(row.signalId) ?? new Map<string, ShadowRow[]>();
    rows.set(row.signalId, ofSignal);
    ofSignal.set(row.modelVersion, [...(ofSignal.get(row.modelVersion) ?? []), row]);
  }
  const paired = new Map<string, ShadowRow[]>();
  for (const { signalId, bootId, seq } of signals) {
    const own = [...(rows.get(signalId)?.values() ?? [])].flatMap((ofVersion) => ofVersion.splice(0, 1));
    if (own.length > 0) paired.set(`${signalId} ${bootId} ${seq}`, own);
  }
  return paired;
}
