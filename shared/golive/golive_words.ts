/** Figures and names of one outcome of a step; lists are shortened. */
export type GoLiveValues = Readonly<Record<string, string | number>>;

/** What was seen, and what to do; empty where there is nothing to do. */
export interface GoLiveText {
  readonly seen: string;
  readonly fix: string;
}

/** Texts of every outcome of a step of the checklist, in one language. */
export interface GoLiveCatalog {
  readonly words: Readonly<Record<GoLiveCode, (values: GoLiveValues) => GoLiveText>>;
}

/** Outcomes of the steps. `reported`: an error of the program itself, whose texts are its own. */
export const GO_LIVE_CODES = [
  'reported',
  'market_live',
  'market_simulated',
  'daemon_up',
  'daemon_down',
  'daemon_other_market',
  'bars_never',
  'bars_old',
  'bars_refused',
  'bars_arrive',
  'bars_closed',
  'clock_wrong',
  'clock_unseen',
  'clock_right',
  'sessions_apart',
  'sessions_unknown',
  'sessions_together',
  'costs_missing',
  'costs_delivered',
  'costs_zero',
  'costs_set',
  'history_short',
  'history_long',
  'models_missing',
  'models_refused',
  'models_active',
  'gates_overridden',
  'rule_overridden',
  'gates_nothing',
  'gates_passed',
  'edge_nothing',
  'edge_none',
  'edge_some',
  'news_off',
  'news_known',
  'news_none',
  'news_stale',
  'channel_problem',
  'channel_none',
  'channel_untested',
  'channel_tested',
  'backup_unseen',
  'standby_some',
  'standby_none',
  'folders_right',
  'folders_wrong',
  'exchange_absent',
  'exchange_common',
  'exchange_elsewhere',
  'service_task',
  'service_none',
  'sleep_never',
  'sleep_after',
  'sleep_unknown',
  'time_kept',
  'time_free',
  'time_unknown',
  'consumer_none',
  'consumer_some',
  'paper_done',
  'paper_short',
] as const;
export type GoLiveCode = (typeof GO_LIVE_CODES)[number];
