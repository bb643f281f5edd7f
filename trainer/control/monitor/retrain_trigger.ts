import type { Clock } from '../../../shared/ports.ts';
import type { FindingCode, RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { ALL_TRAININGS, trainingOfShelf } from '../../jobs/strategies/registry.ts';
import type { StrategyTraining } from '../../jobs/strategies/strategy_training.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import type { RetrainRun, RunRequest } from '../schedule/run.ts';
import type { DriftFinding } from './report.ts';
import { directionSlot, type ModelSlotId } from '../../../shared/subject/slot.ts';
import { slotOfTimeframe, timeframeOfSlot } from '../../../shared/subject/written_names.ts';

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
  readonly #asked = new Map<ModelSlotId, string>();
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
    const slots = [...new Set(findings.map(slotOf))].sort(
      (a, b) => ALL_TRAININGS.indexOf(trainingOf(a)) - ALL_TRAININGS.indexOf(trainingOf(b)),
    );
    const answered: AnsweredTrigger[] = [];
    for (const slot of slots) {
      const own = findings.filter((found) => slotOf(found) === slot);
      answered.push(...(await this.#askFor(slot, own)));
    }
    this.#answered = answered;
  }

  /** @returns its triggers that a rejected run has answered */
  async #askFor(slot: ModelSlotId, findings: readonly DriftFinding[]): Promise<readonly AnsweredTrigger[]> {
    const answered = await this.#answersTo(slot, findings);
    const due = findings.filter((found) => !answered.some(({ trigger }) => trigger === causeOf(found)));
    if (due.length === 0 || this.#isCooling(slot) || this.#isTaken(slot)) return answered;
    const trigger = monitorTrigger(findings);
    const causes = [...new Set(findings.map(causeOf))];
    const at = new Date(this.#clock.nowMs()).toISOString();
    if (await this.#retrainer.startOrWait({ trigger, causes, ...this.#runOf(slot, due) })) {
      this.#last = { at, trigger, text: triggerText(trigger) };
      this.#asked.set(slot, at);
    }
    return answered;
  }

  /** Whether another slot of the strategy waits for its turn: one run of each kind can wait. */
  #isTaken(slot: ModelSlotId): boolean {
    const training = trainingOf(slot);
    const begun = this.#retrainer.runs().filter(({ kind }) => training.runs.includes(kind));
    const newest = Math.max(-Infinity, ...begun.map(({ started_at }) => Date.parse(started_at)));
    return [...this.#asked].some(
      ([other, at]) =>
        other !== slot &&
        trainingOf(other) === training &&
        Date.parse(at) > newest &&
        this.#clock.nowMs() - Date.parse(at) < this.#pauses.cooldownMs,
    );
  }

  #runOf(slot: ModelSlotId, due: readonly DriftFinding[]): Pick<RunRequest, 'kind' | 'parameters'> {
    const isFull = due.some(({ retrains }) => retrains === 'full') || this.#hasThresholdsFailed(slot);
    return trainingOf(slot).retraining(slot, isFull, this.#settings);
  }

  /**
   * The same bars would give the same models: a trigger whose models were rejected, also in the life of another
   * trainer, waits until its interval has passed. A rejected θ2 is followed by a full run instead.
   */
  async #answersTo(slot: ModelSlotId, findings: readonly DriftFinding[]): Promise<readonly AnsweredTrigger[]> {
    const [wanted] = trainingOf(slot).runs;
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
  #hasThresholdsFailed(slot: ModelSlotId): boolean {
    const last = this.#ownRuns(slot)[0];
    return last?.kind === 'thresholds' && (last.status === 'rejected' || last.status === 'nothing_new');
  }

  /** Those that the monitor caused, the newest first. */
  #ownRuns(slot: ModelSlotId): readonly RetrainRun[] {
    const isOwn = ({ kind, parameters }: RetrainRun): boolean =>
      trainingOf(slot).runs.includes(kind) && slotOfTimeframe(parameters.timeframe) === slot;
    return this.#retrainer.runs().filter((run) => run.trigger.code === 'monitor' && isOwn(run));
  }

  /**
   * After a run that the monitor caused, also in the life of another trainer, the new models get time to show whether
   * it helped.
   */
  #isCooling(slot: ModelSlotId): boolean {
    const runs = this.#ownRuns(slot);
    const times = runs.flatMap(({ started_at, finished_at }) => [started_at, finished_at ?? started_at]);
    const asked = this.#asked.get(slot) ?? [];
    const last = Math.max(-Infinity, ...times.concat(asked).map((time) => Date.parse(time)));
    return this.#clock.nowMs() - last < this.#pauses.cooldownMs;
  }
}

function slotOf({ retrains }: DriftFinding): ModelSlotId {
  return typeof retrains === 'object' && retrains !== null ? directionSlot(retrains.direction) : 'pairs';
}

function trainingOf(slot: ModelSlotId): StrategyTraining {
  return trainingOfShelf(shelfNameOf(slot));
}

/** As a run records what it answers: `model age`, `direction age 1h`. */
function causeOf(found: DriftFinding): string {
  const timeframe = timeframeOfSlot(slotOf(found));
  return timeframe === null ? found.trigger : `${found.trigger} ${timeframe}`;
}

/** The findings furthest past their limits, and how many more there are. */
export function monitorTrigger(findings: readonly DriftFinding[]): RunTrigger {
  const severity = ({ figure, limit }: DriftFinding): number => figure / limit;
  const sorted = [...findings].sort((a, b) => severity(b) - severity(a));
  const named = sorted.slice(0, NAMED_FINDINGS).map(({ retrains: _retrains, text: _text, ...found }) => found);
  return { code: 'monitor', values: { findings: named, more: findings.length - named.length } };
}
