/*
 * Progress of a training process for its trainer, one line of standard error each. Human-readable lines would not be
 * reliable: a warning of a library may look like one.
 */

/** Set to PROGRESS_FORM in the environment of a process that must report its progress in these lines. */
export const PROGRESS_VARIABLE = 'MINUTEHAND_PROGRESS';
export const PROGRESS_FORM = 'json';

export interface ProgressLine {
  /** `reading bars`, `learning` … */
  readonly stage: string;
  /** 0 to 1 of the stage. */
  readonly share: number;
}

/** 0 to 1; a stage without work is done. */
export function shareOf(done: number, total: number): number {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
}

/** @returns a line without its end */
export function progressLine(stage: string, done: number, total: number): string {
  const share = shareOf(done, total);
  return JSON.stringify({ progress: { stage, share: Math.round(share * 1e4) / 1e4 } });
}

/** A remark of the process, which its trainer logs. @returns a line without its end */
export function noteLine(text: string): string {
  return JSON.stringify({ note: text });
}

/** @returns null for every other line */
export function readNoteLine(line: string): string | null {
  if (!line.startsWith('{"note":')) return null;
  try {
    const { note } = JSON.parse(line) as { note?: unknown };
    return typeof note === 'string' ? note : null;
  } catch {
    return null;
  }
}

/** @returns null for every other line */
export function readProgressLine(line: string): ProgressLine | null {
  if (!line.startsWith('{"progress":')) return null;
  try {
    const { progress } = JSON.parse(line) as { progress?: Partial<Record<keyof ProgressLine, unknown>> | null };
    const { stage, share } = progress ?? {};
    if (typeof stage !== 'string' || stage === '' || typeof share !== 'number') return null;
    return share >= 0 && share <= 1 ? { stage, share } : null;
  } catch {
    return null;
  }
}
