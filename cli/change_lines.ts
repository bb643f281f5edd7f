import { APPLIES } from '../shared/policy/applies.ts';
import { changeEffects, type ChangeEffect, type InUse } from '../shared/policy/change_effects.ts';
import { changedFigures } from '../shared/policy/differences.ts';

interface Values {
  readonly changes: Readonly<Record<string, unknown>>;
  readonly before: Readonly<Record<string, unknown>>;
}

/** `minutehand.symbols.EURUSD.spread_bps: 0.2 → 0.5`, one line for each value that differs. */
export function differenceLines(change: Values): string[] {
  return changedFigures(change).map((one) => `${one.key}: ${textOf(one.before)} → ${textOf(one.after)}`);
}

/** What a change has effect on from when, and what keeps another value. */
export function effectLines({ changes, before }: Values, inUse: InUse): string[] {
  return changeEffects(changes, before, inUse).map(effectText);
}

function effectText(effect: ChangeEffect): string {
  if (effect.kind === 'applies') return `${effect.keys.join(', ')}: takes effect ${APPLIES[effect.applies]}.`;
  const names = effect.names.join(', ');
  switch (effect.keeper) {
    case 'active_models':
      return `Active models (of pairs and instruments: ${names}) keep what was computed from the earlier value, such as thresholds, labels and edge, until the next training replaces them.`;
    case 'quoted_spreads':
      return `Bars of ${names} quote their spread, which counts there: the configured spread counts only for bars without one.`;
    case 'paper_accounts':
      return `Running paper accounts (${names}) charge the earlier costs until they are started again.`;
    case 'results':
      return 'Backtests and reports made before keep the costs that they were computed with.';
  }
}

function textOf(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
