import type { ProgressLine } from './progress_line.ts';

/** Duration of a stage of a run. */
export interface StageTime {
  readonly stage: string;
  readonly duration_ms: number;
}

export interface RunProgress {
  /** @param elapsedMs since the run began; never falls */
  update(line: ProgressLine, elapsedMs: number): void;
  /** Closes the current stage. @returns all stages, in the order in which they began */
  end(elapsedMs: number): readonly StageTime[];
  /** 0 to 99: only a run that has ended has 100. Never falls. */
  percent(): number;
  /** The remaining time by the pace so far; null while too little is done. */
  etaSeconds(): number | null;
  /** Completed stages, and the current one with its time so far. */
  stages(): readonly StageTime[];
}

/** Below this share the pace so far is not reliable. */
const MIN_SHARE_FOR_ETA = 0.05;

/**
 * Progress of a whole run, from that of its stages.
 * @param expected stages and their times in the last run of this kind, or their shares. Other stages do not change the
 * progress, which stays at 0 where there are none
 */
export function createRunProgress(expected: readonly StageTime[]): RunProgress {
  const weights = byStage(expected);
  const names = [...weights.keys()];
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const taken = new Map<string, { readonly stage: string; duration_ms: number }>();
  let current: string | null = null;
  let lastMs = 0;
  /** The furthest expected stage, and the completed share of it. */
  let furthest = -1;
  let share = 0;

  function passTime(elapsedMs: number): void {
    if (current !== null) taken.get(current)!.duration_ms += Math.max(0, elapsedMs - lastMs);
    lastMs = Math.max(lastMs, elapsedMs);
  }

  function doneShare(): number {
    if (total === 0) return 0;
    const before = names.slice(0, Math.max(0, furthest)).reduce((sum, name) => sum + weights.get(name)!, 0);
    const here = furthest < 0 ? 0 : share * weights.get(names[furthest]!)!;
    return (before + here) / total;
  }

  const list = (): readonly StageTime[] =>
    [...taken.values()].map(({ stage, duration_ms }) => ({ stage, duration_ms: Math.round(duration_ms) }));

  return {
    update({ stage, share: done }, elapsedMs) {
      passTime(elapsedMs);
      current = stageName(stage);
      // Time before the first line belongs to the first stage.
      if (!taken.has(current)) taken.set(current, { stage: current, duration_ms: taken.size === 0 ? elapsedMs : 0 });
      const index = indexOf(names, current);
      if (index > furthest) {
        furthest = index;
        share = 0;
      }
      if (index === furthest && index >= 0) share = Math.max(share, done);
    },
    end(elapsedMs) {
      passTime(elapsedMs);
      current = null;
      return list();
    },
    percent: () => Math.min(99, Math.floor(doneShare() * 100 + 1e-9)),
    etaSeconds() {
      const done = doneShare();
      return done < MIN_SHARE_FOR_ETA ? null : Math.round((lastMs * (1 - done)) / done / 1000);
    },
    stages: list,
  };
}

/** A stage without its details: `learning, trial 3 of 20 (best 0.61)` is `learning`. */
export function stageName(stage: string): string {
  return stage.split(/[,(:]/, 1)[0]!.trim() || stage;
}

/** A stage by its name, else by a prefix of its name: `learning` also matches `learning ai1`. */
function indexOf(names: readonly string[], wanted: string): number {
  const exact = names.indexOf(wanted);
  return exact >= 0 ? exact : names.findIndex((name) => wanted.startsWith(`${name} `));
}

function byStage(times: readonly StageTime[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const { stage, duration_ms } of times) {
    const name = stageName(stage);
    // A stage that took no time still counts.
    weights.set(name, (weights.get(name) ?? 0) + Math.max(1, duration_ms));
  }
  return weights;
}
