/** A step of a model: what it is called, and the state after it. */
export interface ModelStep<State> {
  readonly name: string;
  readonly after: State;
}

export interface Model<State> {
  readonly initial: State;
  /** All steps that may come next, in any order; none ends the run. */
  steps(state: State): readonly ModelStep<State>[];
  /** What a step broke; null: nothing. */
  broken(before: State, step: ModelStep<State>): string | null;
}

export interface Exploration {
  /** Different states that were reached. */
  readonly states: number;
  readonly steps: number;
  /** The shortest run that breaks something: the names of its steps, then what it breaks; null: none does. */
  readonly counterexample: readonly string[] | null;
}

/**
 * Visits every state that a small model can reach, breadth first, and checks every step: what no order of steps breaks
 * is shown for the model, not only for the orders that a test happened to try. States must be plain data.
 */
export function explore<State>({ initial, steps, broken }: Model<State>): Exploration {
  interface Visit {
    readonly state: State;
    readonly name: string;
    readonly from: Visit | null;
  }
  const first: Visit = { state: initial, name: '', from: null };
  const seen = new Set([JSON.stringify(initial)]);
  let frontier: readonly Visit[] = [first];
  let taken = 0;

  function run(last: Visit): string[] {
    const names: string[] = [];
    for (let visit: Visit | null = last; visit !== null; visit = visit.from)
      if (visit.name !== '') names.push(visit.name);
    return names.reverse();
  }

  while (frontier.length > 0) {
    const next: Visit[] = [];
    for (const visit of frontier) {
      for (const step of steps(visit.state)) {
        taken++;
        const wrong = broken(visit.state, step);
        const reached: Visit = { state: step.after, name: step.name, from: visit };
        if (wrong !== null) return { states: seen.size, steps: taken, counterexample: [...run(reached), wrong] };
        const key = JSON.stringify(step.after);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(reached);
      }
    }
    frontier = next;
  }
  return { states: seen.size, steps: taken, counterexample: null };
}
