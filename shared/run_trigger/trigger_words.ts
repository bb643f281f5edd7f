import type { Finding, FindingCode, TriggerCode, TriggerOf } from './run_trigger.ts';

/** The texts about triggers in one language. */
export interface TriggerCatalog {
  readonly triggers: { readonly [Code in TriggerCode]: (values: TriggerOf<Code>['values']) => string };
  readonly findings: Readonly<Record<FindingCode, (found: FindingFigures) => string>>;
}

/** A finding, with its further figures as texts. */
export class FindingFigures {
  readonly subject: string;
  readonly pair: string | null;
  readonly figure: number;
  readonly limit: number;
  readonly #evidence: Finding['evidence'];

  constructor({ subject, pair, figure, limit, evidence }: Finding) {
    this.subject = subject;
    this.pair = pair;
    this.figure = figure;
    this.limit = limit;
    this.#evidence = evidence;
  }

  text(name: string): string {
    return String(this.#evidence[name]);
  }

  fixed(name: string, digits: number): string {
    return Number(this.#evidence[name]).toFixed(digits);
  }
}
