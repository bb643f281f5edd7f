/** What is judged: one of the models, the direction model, or (null) the bundle as a whole. */
export type GateRole = 'ai1' | 'ai2' | 'ai3' | 'direction';

/** Why a model that is served makes no entries: what a claim about it asks for does not hold. */
export const CLAIM_REASONS = ['MODEL_BIASED', 'MODEL_WEAK'] as const;
export type ClaimReason = (typeof CLAIM_REASONS)[number];

/** What the daemon, the lock before every pointer and the trainer must know of a gate. */
interface GateEntry {
  /** What it judges: one verdict for each. */
  readonly roles: readonly (GateRole | null)[];
  /**
   * Whether it passes only with a figure within its limit. The others may have nothing to judge (no trades, no claimed
   * edge, no floor in the policy), or compare bytes.
   */
  readonly needsLimit: boolean;
  /** Of a gate that has a verdict only where there is something to judge. */
  readonly isConditional?: true;
  /**
   * Of a gate that judges a claim: a model that fails it is served for its probabilities, and its signals hold with
   * this reason. Absent: a gate of integrity, and a model that fails it is not served.
   */
  readonly claim?: ClaimReason;
}

const BUNDLE = [null] as const;
const ANSWERS = ['ai1', 'ai2'] as const;
const EACH = ['ai1', 'ai2', 'ai3'] as const;

/**
 * Gates that every training of pair models checks, with what each of them judges: a manifest without a verdict of one
 * of them has not passed it. Each has an implementation in trainer/learning/gates/, and words in every catalog
 * (`en.ts`, `ja.ts`).
 */
export const PAIR_GATES = {
  auc: { roles: ['ai1'], needsLimit: true },
  brier: { roles: ['ai1'], needsLimit: true },
  risk_pass_rate: { roles: BUNDLE, needsLimit: true },
  executable_outside_wide_minutes: { roles: BUNDLE, needsLimit: false },
  executable_one_minute_later: { roles: BUNDLE, needsLimit: false },
  skill: { roles: ['ai1'], needsLimit: false },
  edge_with_columns_one_bar_later: { roles: BUNDLE, needsLimit: false },
  auc_plausible: { roles: ANSWERS, needsLimit: true },
  features_look_ahead: { roles: BUNDLE, needsLimit: true },
  served_columns: { roles: BUNDLE, needsLimit: true, isConditional: true },
  label_ends: { roles: EACH, needsLimit: true },
  samples: { roles: ANSWERS, needsLimit: true },
  f1: { roles: ANSWERS, needsLimit: false },
  f1_above_chance: { roles: ANSWERS, needsLimit: true },
  auc_above_noise: { roles: ANSWERS, needsLimit: true },
  prediction_dispersion: { roles: EACH, needsLimit: true },
  fold_borders: { roles: EACH, needsLimit: true },
  fitted_on_training_rows_only: { roles: EACH, needsLimit: false },
  shuffled_labels: { roles: EACH, needsLimit: true },
  shuffled_labels_refused: { roles: ANSWERS, needsLimit: true },
} as const satisfies Readonly<Record<string, GateEntry>>;

/** The same of a training of the direction model. */
export const DIRECTION_GATES = {
  bias: { roles: ['direction'], needsLimit: true, claim: 'MODEL_BIASED' },
  plausible: { roles: ['direction'], needsLimit: false },
  series_foresight: { roles: ['direction'], needsLimit: false },
  single_column: { roles: ['direction'], needsLimit: false },
  one_bar_later: { roles: ['direction'], needsLimit: false },
  f1: { roles: ['direction'], needsLimit: false, claim: 'MODEL_WEAK' },
} as const satisfies Readonly<Record<string, GateEntry>>;

/** The same of the judgement of a rule: of one that a person wrote, and of one that a search proposed. */
export const RULE_GATES = {
  rule_trades: { roles: BUNDLE, needsLimit: true },
  rule_deflated_sharpe: { roles: BUNDLE, needsLimit: true },
  rule_overfitting: { roles: BUNDLE, needsLimit: true },
  rule_spa: { roles: BUNDLE, needsLimit: true },
  rule_walk_forward: { roles: BUNDLE, needsLimit: true },
  rule_holdout: { roles: BUNDLE, needsLimit: true },
  rule_one_bar_later: { roles: BUNDLE, needsLimit: true },
} as const satisfies Readonly<Record<string, GateEntry>>;

/** Before an adoption, against what is in use: no manifest has their verdicts. */
export const ADOPTION_GATES = {
  golden_vectors: { roles: BUNDLE, needsLimit: false },
  champion: { roles: BUNDLE, needsLimit: false },
  champion_auc: { roles: BUNDLE, needsLimit: false },
  champion_brier: { roles: BUNDLE, needsLimit: false },
  champion_net_sharpe: { roles: BUNDLE, needsLimit: false },
  rollout: { roles: BUNDLE, needsLimit: false },
} as const satisfies Readonly<Record<string, GateEntry>>;

const NEEDS_LIMIT: ReadonlySet<string> = new Set(
  Object.entries({ ...DIRECTION_GATES, ...PAIR_GATES, ...RULE_GATES }).flatMap(([code, { needsLimit }]) =>
    needsLimit ? [code] : [],
  ),
);

/** Whether a passed verdict of this gate has a value and a limit. */
export function needsLimit(code: string): boolean {
  return NEEDS_LIMIT.has(code);
}

const CLAIMS: ReadonlyMap<string, ClaimReason> = new Map(
  Object.entries<GateEntry>(DIRECTION_GATES).flatMap(([code, { roles, claim }]) =>
    claim === undefined ? [] : roles.map((role) => [gateKey({ code, role }), claim] as const),
  ),
);

/** Reason of the signals of a model that has failed this gate; null: a model that has failed it is not served. */
export function claimReason(key: string): ClaimReason | null {
  return CLAIMS.get(key) ?? null;
}

/** What stands in the list of gates that were not passed, and is no gate. */
export const OTHER_CODES = ['costs', 'gates', 'registry'] as const;

export type PairGateCode = keyof typeof PAIR_GATES;
export type DirectionGateCode = keyof typeof DIRECTION_GATES;
export type RuleGateCode = keyof typeof RULE_GATES;
export type AdoptionGateCode = keyof typeof ADOPTION_GATES;
export type GateCode = PairGateCode | DirectionGateCode | RuleGateCode | AdoptionGateCode;

/** Which verdict: of a gate about a role. */
export interface GateIdentity {
  readonly code: string;
  readonly role: GateRole | null;
}

function identities(gates: Readonly<Record<string, GateEntry>>): readonly GateIdentity[] {
  return Object.entries(gates)
    .filter(([, { isConditional = false }]) => !isConditional)
    .flatMap(([code, { roles }]) => roles.map((role) => ({ code, role })));
}

/** Verdicts that a manifest of pair models has, one of the direction model, and one of an evolved rule. */
export const EXPECTED_OF_PAIRS = identities(PAIR_GATES);
export const EXPECTED_OF_DIRECTION = identities(DIRECTION_GATES);
export const EXPECTED_OF_EVOLVED_RULE = identities(RULE_GATES);
/** Nothing was searched: there is no search that could be overfitted, or repeated on earlier blocks. */
export const EXPECTED_OF_WRITTEN_RULE = EXPECTED_OF_EVOLVED_RULE.filter(
  ({ code }) => code !== 'rule_overfitting' && code !== 'rule_walk_forward',
);

/** `ai1.auc_above_noise`, `risk_pass_rate`. */
export function gateKey({ code, role }: GateIdentity): string {
  return role === null ? code : `${role}.${code}`;
}

/** The key of a gate that an earlier version wrote by its name: `ai1 auc above noise`. */
export function keyOfName(name: string): string {
  const [, role, code] = /^(?:(ai[123]|direction) )?(.+)$/s.exec(name)!;
  const words = code!.replace(/[ -]/g, '_');
  return role === undefined ? words : `${role}.${words}`;
}
