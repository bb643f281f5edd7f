import type { Clock } from '../../../shared/ports.ts';
import type { FindingCode, RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { shelfOfTimeframe } from '../../../shared/bundle/shelf_name.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { ALL_TRAININGS, trainingOfShelf } from '../../jobs/strategies/registry.ts';
import type { StrategyTraining } from '../../jobs/strategies/strategy_training.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import type { RetrainRun, RunRequest } from '../schedule/run.ts';
import type { DriftFinding } from './report.ts';

/** Findings that a trigger names; the others are counted. */
const NAMED_FINDINGS = 3;

/** The request to the retrainer, and its time: ISO 8601 in UTC. */
export interface Trigger {
  readonly at: string;
  readonly trigger: RunTrigger;
  /** In English. */
  readonly text: string;
}

/** A trigger that a rejected run has answered, and the time until which it is not repeated: ISO 8601 in UTC. */
export interface AnsweredTrigger {
  readonly trigger: string;
  readonly run_id: number;
  readonly until: string;
}

/** Pauses between runs, in milliseconds. */
export interface TriggerPauses {
  /** After any run that the monitor caused. */
  readonly cooldownMs: number;
  /** After models that a run for this trigger made were rejected. @param trigger code of a finding */
  answeredMs(trigger: FindingCode): number;
}

type Runs = Pick<Retrainer, 'startOrWait' | 'runs' | 'caused'>;

/** The slot whose models a run trains: that of the instruments of a timeframe; null: of pairs. */
type Subject = Timeframe | null;

/**
 * Requests a training run when findings call for one, with a pause after each run. The models of pairs and each
 * direction model have pauses of their own.
 */
export class RetrainTrigger {
  readonly #retrainer: Runs;
  readonly #clock: Clock;
  readonly #pauses: TriggerPauses;
  readonly #settings: Pick<Settings, 'minutehand'>;
  #last: Trigger | null = null;
  readonly #asked = new Map<Subject, string>();
  #answered: readonly AnsweredTrigger[] = [];

  /** @param settings of the instruments that a run of a direction model trains */
  constructor(retrainer: Runs, clock: Clock, pauses: TriggerPauses, settings: Pick<Settings, 'minutehand'>) {
    this.#retrainer = retrainer;
    this.#clock = clock;
    this.#pauses = pauses;
    this.#settings = settings;
  }

  /** null before the first. */
  get last(): Trigger | null {
    return this.#last;
  }

  /** The triggers of the last findings that wait because a run that answered them was rejected. */
  get answered(): readonly AnsweredTrigger[] {
    return this.#answered;
  }

  /** @param findings that call for a training */
  async ask(findings: readonly DriftFinding[]): Promise<void> {
    // In the order of the list: one run is in progress at a time.
    const subjects = [...new Set(findings.map(subjectOf))].sort(
      (a, b) => ALL_TRAININGS.indexOf(trainingOf(a)) - ALL_TRAININGS.indexOf(trainingOf(b)),
    );
    const answered: AnsweredTrigger[] = [];
    for (const subject of subjects) {
      const own = findings.filter((found) => subjectOf(found) === subject);
      answered.push(...(await this.#askFor(subject, own)));
    }
    this.#answered = answered;
  }

  /** @returns its triggers that a rejected run has answered */
  async #askFor(subject: Subject, findings: readonly DriftFinding[]): Promise<readonly AnsweredTrigger[]> {
    const answered = await this.#answersTo(subject, findings);
    const due = findings.filter((found) => !answered.some(({ trigger }) => trigger === causeOf(found)));
    if (due.length === 0 || this.#isCooling(subject) || this.#isTaken(subject)) return answered;
    const trigger = monitorTrigger(findings);
    const causes = [...new Set(findings.map(causeOf))];
    const at = new Date(this.#clock.nowMs()).toISOString();
    if (await this.#retrainer.startOrWait({ trigger, causes, ...this.#runOf(subject, due) })) {
      this.#last = { at, trigger, text: triggerText(trigger) };
      this.#asked.set(subject, at);
    }
    return answered;
  }

  /** Whether another slot of the strategy waits for its turn: one run of each kind can wait. */
  #isTaken(subject: Subject): boolean {
    const training = trainingOf(subject);
    const begun = this.#retrainer.runs().filter(({ kind }) => training.runs.includes(kind));
    const newest = Math.max(-Infinity, ...begun.map(({ started_at }) => Date.parse(started_at)));
    return [...this.#asked].some(
      ([other, at]) =>
        other !== subject &&
        trainingOf(other) === training &&
        Date.parse(at) > newest &&
        this.#clock.nowMs() - Date.parse(at) < this.#pauses.cooldownMs,
    );
  }

  #runOf(subject: Subject, due: readonly DriftFinding[]): Pick<RunRequest, 'kind' | 'parameters'> {
    const isFull = due.some(({ retrains }) => retrains === 'full') || this.#hasThresholdsFailed(subject);
    return trainingOf(subject).retraining(subject, isFull, this.#settings);
  }

  /**
   * The same bars would give the same models: a trigger whose models were rejected, also in the life of another
   * trainer, waits until its interval has passed. A rejected θ2 is followed by a full run instead.
   */
  async #answersTo(subject: Subject, findings: readonly DriftFinding[]): Promise<readonly AnsweredTrigger[]> {
    const [wanted] = trainingOf(subject).runs;
    const runs = (await this.#retrainer.caused()).filter(({ kind }) => kind === wanted);
    const nowMs = this.#clock.nowMs();
    const codes = new Map(findings.map((found) => [causeOf(found), found.trigger]));
    return [...codes].flatMap(([cause, code]) => {
      const newest = runs.find(({ causes }) => causes.includes(cause));
      if (newest?.status !== 'rejected' || newest.finished_at === null) return [];
      const untilMs = Date.parse(newest.finished_at) + this.#pauses.answeredMs(code);
      return nowMs < untilMs ? [{ trigger: cause, run_id: newest.run_id, until: new Date(untilMs).toISOString() }] : [];
    });
  }

  /** Whether the last run that the monitor caused found no θ2 to adopt. */
  #hasThresholdsFailed(subject: Subject): boolean {
    const last = this.#ownRuns(subject)[0];
    return last?.kind === 'thresholds' && (last.status === 'rejected' || last.status === 'nothing_new');
  }

  /** Those that the monitor caused, the newest first. */
  #ownRuns(subject: Subject): readonly RetrainRun[] {
    const isOwn = ({ kind, parameters }: RetrainRun): boolean =>
      trainingOf(subject).runs.includes(kind) && (parameters.timeframe ?? null) === subject;
    return this.#retrainer.runs().filter((run) => run.trigger.code === 'monitor' && isOwn(run));
  }

  /**
   * After a run that the monitor caused, also in the life of another trainer, the new models get time to show whether
   * it helped.
   */
  #isCooling(subject: Subject): boolean {
    const runs = this.#ownRuns(subject);
    const times = runs.flatMap(({ started_at, finished_at }) => [started_at, finished_at ?? started_at]);
    const asked = this.#asked.get(subject) ?? [];
    const last = Math.max(-Infinity, ...times.concat(asked).map((time) => Date.parse(time)));
    return this.#clock.nowMs() - last < this.#pauses.cooldownMs;
  }
}

function subjectOf({ retrains }: DriftFinding): Subject {
  return typeof retrains === 'object' && retrains !== null ? retrains.direction : null;
}

function trainingOf(subject: Subject): StrategyTraining {
  return trainingOfShelf(shelfOfTimeframe(subject));
}

/** As a run records what it answers: `model age`, `direction age 1h`. */
function causeOf(found: DriftFinding): string {
  const subject = subjectOf(found);
  return subject === null ? found.trigger : `${found.trigger} ${subject}`;
}

/** The findings furthest past their limits, and how many more there are. */
export function monitorTrigger(findings: readonly DriftFinding[]): RunTrigger {
  const severity = ({ figure, limit }: DriftFinding): number => figure / limit;
  const sorted = [...findings].sort((a, b) => severity(b) - severity(a));
  const named = sorted.slice(0, NAMED_FINDINGS).map(({ retrains: _retrains, text: _text, ...found }) => found);
  return { code: 'monitor', values: { findings: named, more: findings.length - named.length } };
}
