import type { MeasuredGate } from './gate_result.ts';
import type { Scalar, Unit } from './gate_schema.ts';

/** The figures of a verdict as texts, for the catalogs. */
export class GateFigures {
  readonly role: MeasuredGate['role'];
  readonly relation: MeasuredGate['relation'];
  readonly #gate: MeasuredGate;
  readonly #none: string;

  /** @param none text of a figure that is missing */
  constructor(gate: MeasuredGate, none: string) {
    this.role = gate.role;
    this.relation = gate.relation;
    this.#gate = gate;
    this.#none = none;
  }

  /** Why there is no value, or why no limit applies; '' for neither. */
  get reason(): string {
    return this.has('reason') ? String(this.#gate.evidence['reason']) : '';
  }

  get value(): string {
    const { value, unit } = this.#gate;
    return value === null ? this.#none : inUnit(value, unit);
  }

  /** Without the zeros of a limit of the policy. */
  get limit(): string {
    const { limit, unit } = this.#gate;
    if (limit === null) return this.#none;
    return unit === 'score' ? String(Number(limit.toFixed(4))) : inUnit(limit, unit);
  }

  has(name: string): boolean {
    return this.#gate.evidence[name] !== undefined;
  }

  number(name: string): number | null {
    const value = this.#gate.evidence[name];
    return typeof value === 'number' ? value : null;
  }

  fixed(name: string, digits: number): string {
    const value = this.number(name);
    return value === null ? this.#none : value.toFixed(digits);
  }

  percent(name: string): string {
    const value = this.number(name);
    return value === null ? this.#none : inUnit(value, 'share');
  }

  variance(name: string): string {
    const value = this.number(name);
    return value === null ? this.#none : inUnit(value, 'variance');
  }

  /** `1e-5`, where the number itself would be `0.00001`. */
  exponent(name: string): string {
    return this.number(name)?.toExponential() ?? this.#none;
  }

  text(name: string): string {
    const value = this.#gate.evidence[name];
    return value === undefined || value === null ? this.#none : String(value);
  }

  list(name: string): readonly string[] {
    const values = this.#gate.evidence[name];
    return Array.isArray(values) ? values.map(String) : [];
  }

  record(name: string): Readonly<Record<string, Scalar>> {
    const values = this.#gate.evidence[name];
    return typeof values === 'object' && values !== null && !Array.isArray(values) ? values : {};
  }
}

function inUnit(value: number, unit: Unit): string {
  switch (unit) {
    case 'score':
      return value.toFixed(4);
    case 'share':
      return `${(value * 100).toFixed(1)} %`;
    case 'bps':
    case 'ratio':
      return value.toFixed(2);
    case 'variance':
      return value.toExponential(2);
    case 'count':
      return String(value);
  }
}
