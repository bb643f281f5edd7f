type Step = () => Promise<void> | void;

/** Started resources, released in reverse order. */
export class Undo {
  readonly #steps: Step[];

  constructor(...steps: Step[]) {
    this.#steps = steps;
  }

  push(step: Step): void {
    this.#steps.push(step);
  }

  /**
   * A step that fails does not keep the others, such as the lock, from their turn; what failed first is thrown at the
   * end.
   */
  async unwind(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Waits for all of it, and then throws what failed first. */
export async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
