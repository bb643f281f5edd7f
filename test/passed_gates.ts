import { DIRECTION_GATE_NAMES, PAIR_GATE_NAMES } from '../shared/bundle/gate_names.ts';

interface Gate {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

const passed = (name: string): Gate => ({ name, passed: true, seen: '0.6012', limit: 'at least 0.52' });

/** Verdicts of every gate of a training of pair models, or of the direction model: all passed but the given ones. */
export function passedGates(kind: 'pairs' | 'direction', ...others: readonly Gate[]): Gate[] {
  const names: readonly string[] = kind === 'pairs' ? PAIR_GATE_NAMES : DIRECTION_GATE_NAMES;
  const unlike = names.filter((name) => others.every((other) => other.name !== name));
  return [...unlike.map(passed), ...others];
}
