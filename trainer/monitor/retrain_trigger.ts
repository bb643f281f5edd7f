import type { Clock } from '../../shared/ports.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import type { RetrainRun } from '../schedule/run.ts';
import type { DriftFinding } from './report.ts';

/** Prefix of the trigger of a run that the monitor has requested. */
const MONITOR_TRIGGER = 'monitor: ';
/** Findings that a trigger names; the others are counted. */
const NAMED_FINDINGS = 3;

/** The request to the retrainer, and its time: ISO 8601 in UTC. */
export interface Trigger {
  readonly at: string;
  readonly text: string;
}

/** Requests a training run when findings call for one, with a pause after each run. */
export class RetrainTrigger {
  readonly #retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>;
  readonly #clock: Clock;
  readonly #cooldownMs: number;
  #last: Trigger | null = null;

  constructor(retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>, clock: Clock, cooldownMs: number) {
    this.#retrainer = retrainer;
    this.#clock = clock;
    this.#cooldownMs = cooldownMs;
  }

  /** null before the first. */
  get last(): Trigger | null {
    return this.#last;
  }

  async ask(findings: readonly DriftFinding[]): Promise<void> {
    if (findings.length === 0 || this.#isCooling()) return;
    // A full run chooses θ2 as well.
    const isFull = findings.some(({ retrains }) => retrains === 'full') || this.#hasThresholdsFailed();
    const kind = isFull ? 'full' : 'thresholds';
    const text = triggerText(findings);
    const at = new Date(this.#clock.nowMs()).toISOString();
    if (await this.#retrainer.startOrWait(text, kind)) this.#last = { at, text };
  }

  /** Whether the last run that the monitor caused found no θ2 to adopt. */
  #hasThresholdsFailed(): boolean {
    const last = this.#ownRuns()[0];
    return last?.kind === 'thresholds' && last.status === 'rejected';
  }

  /** The newest first. */
  #ownRuns(): readonly RetrainRun[] {
    return this.#retrainer.runs().filter(({ trigger }) => trigger.startsWith(MONITOR_TRIGGER));
  }

  /**
   * After a run that the monitor caused, also in the life of another trainer, the new models get time to show whether
   * it helped.
   */
  #isCooling(): boolean {
    const times = this.#ownRuns().flatMap(({ started_at, finished_at }) => [started_at, finished_at ?? started_at]);
    const asked = this.#last === null ? [] : [this.#last.at];
    const last = Math.max(-Infinity, ...[...times, ...asked].map((time) => Date.parse(time)));
    return this.#clock.nowMs() - last < this.#cooldownMs;
  }
}

/** `monitor: drift psi z_score 0.41 > 0.25; … and 4 more`. The ones furthest past their limits come first. */
export function triggerText(findings: readonly DriftFinding[]): string {
  const severity = ({ figure, limit }: DriftFinding): number => figure / limit;
  const sorted = [...findings].sort((a, b) => severity(b) - severity(a));
  const named = sorted.slice(0, NAMED_FINDINGS).map(({ text }) => text);
  const more = findings.length - named.length;
  return `${MONITOR_TRIGGER}${named.join('; ')}${more === 0 ? '' : ` and ${more} more`}`;
}
