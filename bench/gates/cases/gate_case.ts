/** A world that a gate is simulated in, many times. */
export interface GateCase {
  /** As in docs/reference/GATE_RATES.md. */
  readonly gate: string;
  /** Whether a refusal is wrong here: `false alarms` of a sound model, or `power` against a defect. */
  readonly measures: 'false alarms' | 'power';
  readonly world: string;
  /** Worlds of the recorded simulation. */
  readonly worlds: number;
  /** Whether the gate refuses world number `index`; the same number gives the same world. */
  refuses(index: number): boolean;
}

/** A case with its result. */
export interface GateRate {
  readonly gate: string;
  readonly measures: GateCase['measures'];
  readonly world: string;
  readonly worlds: number;
  readonly refused: number;
}

/** @param share of the worlds of the case, at least four */
export function rateOf({ gate, measures, world, worlds: all, refuses }: GateCase, share = 1): GateRate {
  const worlds = Math.max(4, Math.round(all * share));
  let refused = 0;
  for (let index = 0; index < worlds; index++) if (refuses(index)) refused++;
  return { gate, measures, world, worlds, refused };
}
