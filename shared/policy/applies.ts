import type { CorePolicy, MinutehandSettings, RetrainPolicy } from './schema.ts';

/** When an approved value takes effect. */
export const APPLIES = {
  next_bar: 'at the next bar',
  trainer: 'when the trainer has loaded it, as soon as no training is in progress',
  next_training: 'with the next training',
  restart: 'at the next start of the daemon: a running one cannot change it',
} as const;
export type Applies = keyof typeof APPLIES;

/** What has another value than the approved one, for now or for good. */
export const KEEPERS = ['active_models', 'quoted_spreads', 'paper_accounts', 'results'] as const;
export type Keeper = (typeof KEEPERS)[number];

/** What a key has effect on. */
export interface KeyEffect {
  readonly applies: Applies;
  readonly keptBy: readonly Keeper[];
}

const NEXT_BAR: KeyEffect = { applies: 'next_bar', keptBy: [] };
const TRAINER: KeyEffect = { applies: 'trainer', keptBy: [] };
const RESTART: KeyEffect = { applies: 'restart', keptBy: [] };
/** Read by trainings only: active models have what theirs read. */
const NEXT_TRAINING: KeyEffect = { applies: 'next_training', keptBy: ['active_models'] };
/** Read by decisions, and by the labels and backtests of trainings. */
const NEXT_BAR_AND_TRAINING: KeyEffect = { applies: 'next_bar', keptBy: ['active_models'] };

const OF_CORE: Readonly<Record<keyof CorePolicy, KeyEffect>> = {
  theta1_initial: NEXT_TRAINING,
  theta2_initial: NEXT_TRAINING,
  theta_search_range: NEXT_TRAINING,
  theta_step: NEXT_TRAINING,
  risk_label_dd_threshold: NEXT_TRAINING,
  risk_label_vol_ratio: NEXT_TRAINING,
  risk_label_corr_drop: NEXT_TRAINING,
  require_edge: NEXT_BAR,
  leverage_reduction_rate: NEXT_BAR,
  no_entry_windows: NEXT_BAR_AND_TRAINING,
  min_expected_net_bps: NEXT_BAR_AND_TRAINING,
  max_symbol_exposure: NEXT_BAR,
  max_currency_exposure: NEXT_BAR,
  news_stop: NEXT_BAR,
  novelty_min: NEXT_BAR,
};

/** The keys of retrain_policy.yaml whose limits a training records in its gates; all others are the trainer's. */
const OF_GATES: ReadonlySet<string> = new Set<keyof RetrainPolicy>([
  'quality_min_samples',
  'quality_f1_floor',
  'quality_f1_gates',
  'pass_rate_range',
  'direction_prediction_range',
  'direction_mean_range',
  'direction_buy_ratio_range',
  'direction_hour_buy_ratio_range',
  'direction_bull_buy_ratio_range',
  'direction_bear_sell_ratio_range',
  'direction_variance_24h_max',
  'adopt_min_auc',
  'adopt_min_candidates',
  'adopt_min_sharpe_ratio',
  'adopt_min_sharpe_gain',
  'adopt_max_auc_loss',
  'executable_share_min',
]);

const OF_INSTALLATION: Readonly<Record<keyof MinutehandSettings, KeyEffect>> = {
  market: RESTART,
  pairs: RESTART,
  instruments: RESTART,
  shards: RESTART,
  symbols: { applies: 'next_bar', keptBy: ['active_models', 'paper_accounts', 'results'] },
  symbol_names: RESTART,
  windows: RESTART,
  decision: NEXT_BAR_AND_TRAINING,
  label: NEXT_TRAINING,
  train: NEXT_TRAINING,
  search: NEXT_TRAINING,
  feed: RESTART,
  screen: RESTART,
  inference: RESTART,
  simulated: RESTART,
  transports: RESTART,
  lease: RESTART,
  log: RESTART,
};

/** Figures of a symbol that a quoted spread of a bar replaces. */
const REPLACED_BY_QUOTES: readonly (string | undefined)[] = ['spread_bps', 'spread_profile', undefined];
/** Figures of a symbol that a paper account charges. */
const CHARGED_ON_PAPER: readonly (string | undefined)[] = ['spread_bps', 'commission_bps', 'slippage_bps', undefined];

/** @param key as in a change, `minutehand.windows.z_window` */
export function effectOf(key: string): KeyEffect {
  const [part, section = ''] = key.split('.');
  if (part === 'core') return OF_CORE[section as keyof CorePolicy] ?? NEXT_BAR;
  if (part !== 'minutehand') return part === 'retrain' && OF_GATES.has(section) ? NEXT_TRAINING : TRAINER;
  const effect = OF_INSTALLATION[section as keyof MinutehandSettings] ?? RESTART;
  if (section !== 'symbols') return effect;
  // Names of symbols are in capitals, and may have dots.
  const figure = /\.([a-z_]+)$/.exec(key.slice('minutehand.symbols'.length))?.[1];
  const keptBy = effect.keptBy.filter((keeper) => keeper !== 'paper_accounts' || CHARGED_ON_PAPER.includes(figure));
  return { ...effect, keptBy: REPLACED_BY_QUOTES.includes(figure) ? ['quoted_spreads', ...keptBy] : keptBy };
}

/** What a keeper keeps, as a sentence of a page about a key. */
const KEPT: Readonly<Record<Keeper, string>> = {
  active_models: 'active models keep what theirs were computed from until the next training replaces them',
  quoted_spreads: 'a spread that a bar quotes counts in place of the configured one',
  paper_accounts: 'running paper accounts charge the earlier costs until they are started again',
  results: 'earlier backtests and reports keep theirs',
};

/** When a value of a key takes effect, and what keeps another one, in words. @param key as of `effectOf` */
export function effectWords(key: string): string {
  const { applies, keptBy } = effectOf(key);
  return [APPLIES[applies], ...keptBy.map((keeper) => KEPT[keeper])].join('; ');
}
