import type { Clock } from '../../../shared/ports.ts';
import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import type { RetrainRun } from '../schedule/run.ts';
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
  /** After models that a run for this trigger made were rejected. */
  answeredMs(trigger: string): number;
}

type Runs = Pick<Retrainer, 'startOrWait' | 'runs' | 'caused'>;

/** Requests a training run when findings call for one, with a pause after each run. */
export class RetrainTrigger {
  readonly #retrainer: Runs;
  readonly #clock: Clock;
  readonly #pauses: TriggerPauses;
  #last: Trigger | null = null;
  #answered: readonly AnsweredTrigger[] = [];

  constructor(retrainer: Runs, clock: Clock, pauses: TriggerPauses) {
    this.#retrainer = retrainer;
    this.#clock = clock;
    this.#pauses = pauses;
  }

  /** null before the first. */
  get last(): Trigger | null {
    return this.#last;
  }

  /** The triggers of the last findings that wait because a run that answered them was rejected. */
  get answered(): readonly AnsweredTrigger[] {
    return this.#answered;
  }

  async ask(findings: readonly DriftFinding[]): Promise<void> {
    this.#answered = findings.length === 0 ? [] : await this.#answersTo(findings);
    const due = findings.filter(({ trigger }) => !this.#answered.some((answer) => answer.trigger === trigger));
    if (due.length === 0 || this.#isCooling()) return;
    // A full run chooses θ2 as well.
    const isFull = due.some(({ retrains }) => retrains === 'full') || this.#hasThresholdsFailed();
    const kind = isFull ? 'full' : 'thresholds';
    const trigger = monitorTrigger(findings);
    const causes = [...new Set(findings.map((found) => found.trigger))];
    const at = new Date(this.#clock.nowMs()).toISOString();
    if (await this.#retrainer.startOrWait({ trigger, kind, causes }))
      this.#last = { at, trigger, text: triggerText(trigger) };
  }

  /**
   * The same bars would give the same models: a trigger whose models were rejected, also in the life of another
   * trainer, waits until its interval has passed. A rejected θ2 is followed by a full run instead.
   */
  async #answersTo(findings: readonly DriftFinding[]): Promise<readonly AnsweredTrigger[]> {
    const runs = (await this.#retrainer.caused()).filter(({ kind }) => kind === 'full');
    const nowMs = this.#clock.nowMs();
    return [...new Set(findings.map(({ trigger }) => trigger))].flatMap((trigger) => {
      const newest = runs.find(({ causes }) => causes.includes(trigger));
      if (newest?.status !== 'rejected' || newest.finished_at === null) return [];
      const untilMs = Date.parse(newest.finished_at) + this.#pauses.answeredMs(trigger);
      return nowMs < untilMs ? [{ trigger, run_id: newest.run_id, until: new Date(untilMs).toISOString() }] : [];
    });
  }

  /** Whether the last run that the monitor caused found no θ2 to adopt. */
  #hasThresholdsFailed(): boolean {
    const last = this.#ownRuns()[0];
    return last?.kind === 'thresholds' && (last.status === 'rejected' || last.status === 'nothing_new');
  }

  /** The newest first. */
  #ownRuns(): readonly RetrainRun[] {
    return this.#retrainer.runs().filter(({ trigger }) => trigger.code === 'monitor');
  }

  /**
   * After a run that the monitor caused, also in the life of another trainer, the new models get time to show whether
   * it helped.
   */
  #isCooling(): boolean {
    const times = this.#ownRuns().flatMap(({ started_at, finished_at }) => [started_at, finished_at ?? started_at]);
    const asked = this.#last === null ? [] : [this.#last.at];
    const last = Math.max(-Infinity, ...[...times, ...asked].map((time) => Date.parse(time)));
    return this.#clock.nowMs() - last < this.#pauses.cooldownMs;
  }
}

/** The findings furthest past their limits, and how many more there are. */
export function monitorTrigger(findings: readonly DriftFinding[]): RunTrigger {
  const severity = ({ figure, limit }: DriftFinding): number => figure / limit;
  const sorted = [...findings].sort((a, b) => severity(b) - severity(a));
  const named = sorted.slice(0, NAMED_FINDINGS).map(({ retrains: _retrains, text: _text, ...found }) => found);
  return { code: 'monitor', values: { findings: named, more: findings.length - named.length } };
}
