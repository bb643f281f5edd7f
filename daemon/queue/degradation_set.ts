import type { Timeframe } from '../../shared/pair.ts';
import type { Degradation } from './degradations.ts';

/**
 * Whose signals have mode DEGRADED: every subject's, those of pairs, of all instruments, of a timeframe's, or of one
 * subject, by its id.
 */
export type DegradationScope = 'all' | 'pairs' | 'instruments' | Timeframe | OfSubject;
type OfSubject = string & { readonly isOfSubject: true };

/** Faults of one slot. Every other fault concerns all subjects. */
const SLOT_SCOPES: Partial<Record<Degradation, DegradationScope>> = {
  models: 'pairs',
  model_pointer: 'pairs',
  direction_pointer: 'instruments',
};

export function scopeOf(what: Degradation): DegradationScope {
  return SLOT_SCOPES[what] ?? 'all';
}

/** What a slot holds while its fallback serves, or a slow model without one. */
export const PAIRS_SLOT = { what: 'models', scope: 'pairs' } as const;

export function directionSlot(timeframe: Timeframe) {
  return { what: 'direction_models', scope: timeframe } as const;
}

/** What the slot of a rule holds while something else answers in place of one that failed. */
export function ruleSlot(subject: string) {
  return { what: 'rules', scope: scopeOfSubject(subject) } as const;
}

/** What the slot of a rule holds while the one that its pointer names is refused: an earlier one serves, or none. */
export function rulePointer(subject: string) {
  return { what: 'rule_pointer', scope: scopeOfSubject(subject) } as const;
}

function scopeOfSubject(id: string): DegradationScope {
  return id as OfSubject;
}

/** The faults with which signals continue, and whose signals they concern. */
export class DegradationSet {
  readonly #names = new Set<Degradation>();
  readonly #scopes = new Map<Degradation, Set<DegradationScope>>();

  /** For health, metrics and status, whomever a fault concerns. */
  get names(): ReadonlySet<Degradation> {
    return this.#names;
  }

  add(what: Degradation, scope: DegradationScope = scopeOf(what)): this {
    const scopes = this.#scopes.get(what) ?? new Set();
    this.#scopes.set(what, scopes.add(scope));
    this.#names.add(what);
    return this;
  }

  /** @param scope absent: every one of it */
  delete(what: Degradation, scope?: DegradationScope): void {
    const scopes = this.#scopes.get(what);
    if (scopes === undefined) return;
    if (scope === undefined) scopes.clear();
    else scopes.delete(scope);
    if (scopes.size > 0) return;
    this.#scopes.delete(what);
    this.#names.delete(what);
  }

  /** A slot has other models: its fault is over, also that of a journal in which it concerned all subjects. */
  endOfSlot({ what, scope }: { readonly what: Degradation; readonly scope: DegradationScope }): void {
    this.delete(what, scope);
    this.delete(what, 'all');
  }

  /** As journals name them, in the order in which their faults began. */
  texts(): string[] {
    return [...this.#scopes].flatMap(([what, scopes]) => [...scopes].map((scope) => degradationText(what, scope)));
  }

  clear(): void {
    this.#scopes.clear();
    this.#names.clear();
  }

  get isPairDegraded(): boolean {
    return this.#concerns('pairs', 'pairs');
  }

  isInstrumentDegraded(timeframe: Timeframe): boolean {
    return this.#concerns('instruments', timeframe);
  }

  /** Whether one concerns this subject alone. */
  isSubjectDegraded(id: string): boolean {
    // On the way of a bar, nearly always.
    if (this.#names.size === 0) return false;
    for (const scopes of this.#scopes.values()) if (scopes.has(scopeOfSubject(id))) return true;
    return false;
  }

  #concerns(kind: DegradationScope, own: DegradationScope): boolean {
    // On the way of a bar, nearly always.
    if (this.#names.size === 0) return false;
    for (const scopes of this.#scopes.values())
      if (scopes.has('all') || scopes.has(kind) || scopes.has(own)) return true;
    return false;
  }
}

/** A degradation in a journal: `models pairs`, `direction_models 1h`; without a scope it concerns all subjects. */
export function degradationText(what: Degradation, scope: DegradationScope): string {
  return scope === 'all' ? what : `${what} ${scope}`;
}

/** Journals of earlier versions name no scope: every fault concerned all subjects. */
export function parseDegradationText(text: string): { readonly what: Degradation; readonly scope: DegradationScope } {
  const [what, scope = 'all'] = text.split(' ') as [Degradation, DegradationScope?];
  return { what, scope };
}
