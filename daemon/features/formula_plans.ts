import type { FormulaPlan, PlannedBar } from './formula_plan.ts';
import type { FormulaWarmUp, ReadHistory, WarmUpTurns } from './formula_warm_up.ts';

/** A feature schema of models whose rows are not those of the newest hand-written features. */
export interface PlannedSchema {
  readonly hash: string;
}

export interface FormulaPlansOptions<Reading, Schema extends PlannedSchema> {
  planOf(schema: Schema): FormulaPlan<Reading, Schema>;
  /** Of a plan that begins with the bars that come from now on. */
  warmUpOf(plan: FormulaPlan<Reading, Schema>): FormulaWarmUp<Reading>;
}

/**
 * The plans of all loaded models: those with the same formulas share one. A plan is warmed from the journal while bars
 * come, and is computed until no model has it.
 */
export class FormulaPlans<Reading, Schema extends PlannedSchema> {
  readonly #options: FormulaPlansOptions<Reading, Schema>;
  #plans: readonly FormulaPlan<Reading, Schema>[] = [];
  #warmUps: readonly FormulaWarmUp<Reading>[] = [];
  #warming: readonly Schema[] = [];

  constructor(options: FormulaPlansOptions<Reading, Schema>) {
    this.#options = options;
  }

  /** Plans that are computed. */
  get list(): readonly FormulaPlan<Reading, Schema>[] {
    return this.#plans;
  }

  /** Whether no bar has to be taken. */
  get isEmpty(): boolean {
    return this.#plans.length + this.#warmUps.length === 0;
  }

  /** Whether any of them reads an auxiliary series. */
  get readsSeries(): boolean {
    return this.#plans.some((plan) => plan.readsSeries) || this.#warmUps.some(({ plan }) => plan.readsSeries);
  }

  /** Schemas that are computed, or warmed. */
  get schemas(): readonly Schema[] {
    return [...this.#plans.map(({ schema }) => schema), ...this.#warming];
  }

  /** Takes the next bar of a subject; `run` computes what it adds. It may be reused by the caller. */
  take(bar: PlannedBar<Reading>): void {
    for (let i = 0; i < this.#plans.length; i++) this.#plans[i]!.add(bar);
    for (let i = 0; i < this.#warmUps.length; i++) this.#warmUps[i]!.note(bar);
  }

  /** Computes the bars that were taken. */
  run(): void {
    for (let i = 0; i < this.#plans.length; i++) this.#plans[i]!.run();
  }

  /** The plan with this hash; null = there is none. */
  find(hash: string): FormulaPlan<Reading, Schema> | null {
    for (const plan of this.#plans) if (plan.schema.hash === hash) return plan;
    return null;
  }

  /**
   * Computes the formulas of a loaded model from its last bars on, if they are not computed yet.
   * @param begin what has to be done before the first bar that counts as new
   */
  async warm(
    schema: Schema,
    read: ReadHistory<Reading>,
    turns: WarmUpTurns,
    begin: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const known = this.find(schema.hash);
    if (known !== null) {
      known.isExpected = true;
      return;
    }
    this.#warming = [...this.#warming, schema];
    try {
      await begin();
      await this.#warmPlan(schema, read, turns);
    } finally {
      this.#warming = this.#warming.filter((own) => own !== schema);
    }
  }

  async #warmPlan(schema: Schema, read: ReadHistory<Reading>, turns: WarmUpTurns): Promise<void> {
    const plan = this.#options.planOf(schema);
    const warmUp = this.#options.warmUpOf(plan);
    this.#warmUps = [...this.#warmUps, warmUp];
    try {
      await turns.stored();
      await warmUp.readJournal(read, () => turns.pause());
      warmUp.catchUp();
      this.#plans = [...this.#plans, plan];
    } finally {
      this.#warmUps = this.#warmUps.filter((own) => own !== warmUp);
    }
  }

  /**
   * Schemas of the models that answer from now on. Formulas that none of them has are computed no longer; those that
   * were not warmed begin with the next bar.
   */
  use(schemas: readonly Schema[]): void {
    if (schemas.length + this.#plans.length === 0) return;
    const hashes = new Set(schemas.map(({ hash }) => hash));
    for (const plan of this.#plans) if (hashes.has(plan.schema.hash)) plan.isExpected = false;
    const kept = this.#plans.filter((plan) => plan.isExpected || hashes.has(plan.schema.hash));
    for (const schema of schemas) {
      if (kept.some((plan) => plan.schema.hash === schema.hash)) continue;
      const plan = this.#options.planOf(schema);
      plan.isExpected = false;
      kept.push(plan);
    }
    this.#plans = kept;
  }
}
