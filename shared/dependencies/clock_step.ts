import { MinutehandError } from '../errors.ts';

export interface ClockStepOptions {
  /** The wall clock, epoch ms. */
  wallMs(): number;
  /** A clock that is never set and counts suspension, ms. */
  uptimeMs(): number;
  /** A change of more was set by something other than the rate of two clocks. */
  readonly maxStepMs: number;
  /** How long a step is reported: its direction does not show whether the clock was right before or is now. */
  readonly reportedMs: number;
}

/** Checks that the wall clock was not set recently. */
export function clockSteps({ wallMs, uptimeMs, maxStepMs, reportedMs }: ClockStepOptions): () => void {
  let offsetMs = wallMs() - uptimeMs();
  let step: { readonly ms: number; readonly untilMs: number } | null = null;
  return () => {
    const nowMs = uptimeMs();
    const newOffsetMs = wallMs() - nowMs;
    const changeMs = newOffsetMs - offsetMs;
    offsetMs = newOffsetMs;
    if (Math.abs(changeMs) > maxStepMs) step = { ms: changeMs, untilMs: nowMs + reportedMs };
    if (step === null || nowMs >= step.untilMs) return;
    const seconds = Math.round(Math.abs(step.ms) / 100) / 10;
    throw new MinutehandError('CLOCK_STEPPED', { seen: `${seconds} s ${step.ms > 0 ? 'forward' : 'back'}` });
  };
}
