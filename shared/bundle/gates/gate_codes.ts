/** What is judged: one of the models, the direction model, or (null) the bundle as a whole. */
export type GateRole = 'ai1' | 'ai2' | 'ai3' | 'direction';

type Roles = readonly (GateRole | null)[];

const BUNDLE = [null] as const;
const ANSWERS = ['ai1', 'ai2'] as const;
const EACH = ['ai1', 'ai2', 'ai3'] as const;

/**
 * Gates that every training of pair models checks, with what each of them judges: a manifest without a verdict of one
 * of them has not passed it. Each has an implementation in trainer/learning/gate/, and a name in every catalog
 * (`en.ts`, `ja.ts`).
 */
export const PAIR_GATES = {
  auc: ['ai1'],
  brier: ['ai1'],
  risk_pass_rate: BUNDLE,
  executable_outside_wide_minutes: BUNDLE,
  executable_one_minute_later: BUNDLE,
  skill: ['ai1'],
  edge_with_columns_one_bar_later: BUNDLE,
  auc_plausible: ANSWERS,
  features_look_ahead: BUNDLE,
  label_ends: EACH,
  samples: ANSWERS,
  f1: ANSWERS,
  f1_above_chance: ANSWERS,
  auc_above_noise: ANSWERS,
  prediction_dispersion: EACH,
  fold_borders: EACH,
  fitted_on_training_rows_only: EACH,
  shuffled_labels: EACH,
  shuffled_labels_refused: ANSWERS,
} as const satisfies Readonly<Record<string, Roles>>;

/** The same of a training of the direction model. */
export const DIRECTION_GATES = {
  bias: ['direction'],
  plausible: ['direction'],
  series_foresight: ['direction'],
  single_column: ['direction'],
  one_bar_later: ['direction'],
  f1: ['direction'],
} as const satisfies Readonly<Record<string, Roles>>;

/** Before an adoption, against what is in use: no manifest has their verdicts. */
export const ADOPTION_GATES = {
  golden_vectors: BUNDLE,
  champion: BUNDLE,
  champion_auc: BUNDLE,
  champion_brier: BUNDLE,
  champion_net_sharpe: BUNDLE,
  rollout: BUNDLE,
} as const satisfies Readonly<Record<string, Roles>>;

/**
 * Gates of a manifest that pass only with a figure within its limit. The others may have nothing to judge (no trades,
 * no claimed edge, no floor in the policy), or compare bytes.
 */
const LIMITED: ReadonlySet<string> = new Set<PairGateCode | DirectionGateCode>([
  'auc',
  'brier',
  'risk_pass_rate',
  'auc_plausible',
  'features_look_ahead',
  'label_ends',
  'samples',
  'f1_above_chance',
  'auc_above_noise',
  'prediction_dispersion',
  'fold_borders',
  'shuffled_labels',
  'shuffled_labels_refused',
  'bias',
]);

/** Whether a passed verdict of this gate has a value and a limit. */
export function needsLimit(code: string): boolean {
  return LIMITED.has(code);
}

/** What stands in the list of gates that were not passed, and is no gate. */
export const OTHER_CODES = ['gates', 'registry'] as const;

export type PairGateCode = keyof typeof PAIR_GATES;
export type DirectionGateCode = keyof typeof DIRECTION_GATES;
export type AdoptionGateCode = keyof typeof ADOPTION_GATES;
export type GateCode = PairGateCode | DirectionGateCode | AdoptionGateCode;

/** Which verdict: of a gate about a role. */
export interface GateIdentity {
  readonly code: string;
  readonly role: GateRole | null;
}

function identities(gates: Readonly<Record<string, Roles>>): readonly GateIdentity[] {
  return Object.entries(gates).flatMap(([code, roles]) => roles.map((role) => ({ code, role })));
}

/** Verdicts that a manifest of pair models has, and one of the direction model. */
export const EXPECTED_OF_PAIRS = identities(PAIR_GATES);
export const EXPECTED_OF_DIRECTION = identities(DIRECTION_GATES);

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
