import { type Answer, ApiError, createClient } from './client.ts';

export { ApiError };

export type Signal = Answer<'/api/signals'>['latest'][number];
export type SignalHistory = Answer<'/api/signals/history'>;
export type Explanation = Answer<'/api/explain'>;
export type Condition = Explanation['conditions'][number];
export type ExplainedModel = NonNullable<Explanation['models']>['ai1'];
export type Candles = Answer<'/api/candles'>;
export type Subject = Answer<'/api/subjects'>['subjects'][number];
export type Status = Answer<'/api/status'>;
export type Performance = Answer<'/api/performance'>;
export type AccountPerformance = Performance['accounts'][number];
export type GoLive = Answer<'/api/golive'>;
export type Trade = Answer<'/api/trades'>['trades'][number];
type Runs = Answer<'/api/runs'>;
export type Run = Runs['runs'][number];
export type WaitingRun = Runs['waiting'][number];
export type KeptRule = Answer<'/api/strategies'>['rules'][number];
export type StrategyDetail = Answer<'/api/strategies/{version}'>;
export type Evolving = Answer<'/api/strategies/status'>['searches'][number];
export type CheckedStrategy = Answer<'/api/strategies/check', 'post'>;
export type RuleShadowComparison = Answer<'/api/strategies/shadow'>;
export type FormulaTrial = Answer<'/api/formulas'>;
export type SearchHistory = Answer<'/api/searches/{search_id}'>;
export type ImportPreview = Answer<'/api/imports/preview', 'post'>;
export type FileImport = Answer<'/api/imports', 'post'>;
export type ImportRun = Answer<'/api/imports'>['imports'][number];
export type BarChange = Answer<'/api/bars/delete', 'post'>;
export type SymbolCoverage = Answer<'/api/data'>['symbols'][number];
type Jobs = Answer<'/api/jobs'>;
export type Job = Jobs['jobs'][number];
export type QueuedWork = Jobs['waiting'][number];
export type JobEvent = Answer<'/api/jobs/{job_id}/events'>['events'][number];
type ResultOf<Kind> = Extract<Answer<'/api/jobs/{job_id}/result'>, { kind: Kind }>['result'];
export type LeagueResult = ResultOf<'league'>;
export type LeagueEntrant = LeagueResult['entrants'][number];
export type FailedEntrant = LeagueResult['failed'][number];
export type DirectionLeagueResult = ResultOf<'direction_league'>;
export type DirectionLeagueEntrant = DirectionLeagueResult['entrants'][number];
export type UsualLeague = Answer<'/api/leagues'>['leagues'][number];
export type Fleet = Answer<'/api/fleet'>;
export type FleetWorker = Fleet['workers'][number];
export type FleetInstallation = Fleet['installations'][number];
export type FleetDaemon = FleetInstallation['daemons'][number];
export type FleetTasks = Fleet['tasks'][number];
export type FailedTask = Fleet['failures'][number];
export type Model = Answer<'/api/ml/models'>['models'][number];
export type CurrentModel = Answer<'/api/ml/models/current'>;
export type ModelDetail = Answer<'/api/ml/models/{model_name}'>;
export type Manifest = ModelDetail['manifest'];
export type Edge = NonNullable<Manifest['edge']>[string];
export type Gate = NonNullable<Manifest['gates']>[number];
export type DirectionModel = Answer<'/api/ml/direction-models'>['models'][number];
export type DirectionMetrics = Answer<'/api/ml/direction-models/{model_name}'>['manifest']['metrics'];
type NewestRollout = Answer<'/api/ml/rollout'>;
export type Rollout = NonNullable<NewestRollout['rollout']>;
export type RolloutLook = NonNullable<NewestRollout['look']>;
type Alerts = Answer<'/api/alerts'>;
export type Alert = Alerts['alerts'][number];
export type Silence = Alerts['silences'][number];
export type Channel = Answer<'/api/alerts/channels'>['channels'][number];
export type Session = Answer<'/api/session'>;
export type Changes = Answer<'/api/changes'>;
export type Change = Changes['changes'][number];
export type InUse = Changes['in_use'];
export type PolicyEntry = Answer<'/api/policy'>['entries'][number];
export type MonitorLook = Exclude<NonNullable<Answer<'/api/monitor'>['report']>, { skipped: string }>;
export type AuditEntry = Answer<'/api/audit'>['entries'][number];
export type Backtests = Answer<'/api/backtests'>;
export type Backtest = Backtests['backtests'][number];
export type RequestedBacktest = Backtests['requested'][number];
export type BacktestResult = Answer<'/api/backtests/{backtest_id}'>;

let csrfToken = '';

/** Sets the token sent with every further request. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token ?? '';
}

/** Typed client of the trainer that serves this page. Every call may throw an `ApiError`. */
export const api = createClient({
  headers: (): Record<string, string> => (csrfToken === '' ? {} : { 'x-csrf-token': csrfToken }),
});
