import { barSecondsOf, isInstrument, parseSubject, timeframeOf } from './pair.ts';

/** Why a rule does not answer for its subject. */
export interface RefusedRule {
  readonly subject: string;
  readonly version: string;
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

type Versions = Readonly<Record<string, string>>;
type Refusals = Readonly<Record<string, Omit<RefusedRule, 'subject'>>>;

/** What `/healthz` says of rules. A daemon of an earlier version says less. */
export interface RuleHealth {
  /** Number of its pairs. */
  readonly pairs?: number | undefined;
  readonly model_version: string | null;
  readonly direction?:
    | {
        /** Of the direction models, by timeframe. */
        readonly versions?: Versions | undefined;
        readonly rules?: Versions | undefined;
        readonly rules_refused?: Refusals | undefined;
      }
    | undefined;
}

/** Rules that were refused, or have failed, until another one is accepted or it is stopped. */
export function refusedRules({ direction }: RuleHealth): RefusedRule[] {
  return Object.entries(direction?.rules_refused ?? {}).map(([subject, refusal]) => ({
    subject,
    ...refusal,
    next: refusal.next.replace('<subject>', subject),
  }));
}

/** The version that answers for a subject: of its rule, else of the models; null: nothing does. */
export function answeringVersion({ model_version, direction }: RuleHealth, id: string): string | null {
  const subject = parseSubject(id);
  if (!isInstrument(subject)) return model_version;
  return direction?.rules?.[id] ?? direction?.versions?.[timeframeOf(barSecondsOf(subject))] ?? null;
}

/** Whether its pairs have no models: they enter nothing. */
export function lacksModels({ pairs = 1, model_version }: RuleHealth): boolean {
  return model_version === null && pairs > 0;
}
