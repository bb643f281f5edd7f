import { ApiError, createClient } from '../api/client.ts';
import type { components, paths } from '../api/schema.ts';

export { ApiError };

type Schemas = components['schemas'];
type Answer<P extends keyof paths, M extends 'get' | 'post' = 'get'> = paths[P][M] extends {
  responses: { 200: { content: { 'application/json': infer Json } } };
}
  ? Json
  : never;

export type Signal = Schemas['Signal'];
export type Subject = Schemas['Subject'];
export type Performance = Schemas['Performance'];
export type AccountPerformance = Schemas['AccountPerformance'];
export type GoLive = Schemas['GoLive'];
export type Run = Schemas['Run'];
export type WaitingRun = Answer<'/api/runs'>['waiting'][number];
export type KeptRule = Schemas['KeptRule'];
export type StrategyDetail = Schemas['StrategyDetail'];
export type Evolving = Schemas['Evolving'];
export type CheckedStrategy = Schemas['CheckedStrategy'];
export type RuleShadowComparison = Schemas['RuleShadowComparison'];
export type FormulaTrial = Schemas['FormulaTrial'];
export type ImportPreview = Schemas['ImportPreview'];
export type FileImport = Schemas['FileImport'];
export type BarChange = Schemas['BarChange'];
export type Job = Schemas['Job'];
export type QueuedWork = Answer<'/api/jobs'>['waiting'][number];
export type JobEvent = Answer<'/api/jobs/{job_id}/events'>['events'][number];
export type LeagueResult = Schemas['LeagueResult'];
export type LeagueEntrant = LeagueResult['entrants'][number];
export type FailedEntrant = LeagueResult['failed'][number];
export type DirectionLeagueResult = Schemas['DirectionLeagueResult'];
export type DirectionLeagueEntrant = DirectionLeagueResult['entrants'][number];
export type UsualLeague = Answer<'/api/leagues'>['leagues'][number];
export type Fleet = Schemas['Fleet'];
export type FleetWorker = Fleet['workers'][number];
export type FleetInstallation = Fleet['installations'][number];
export type FleetDaemon = FleetInstallation['daemons'][number];
export type FleetTasks = Fleet['tasks'][number];
export type FailedTask = Fleet['failures'][number];
export type Model = Schemas['Model'];
export type Manifest = Schemas['Manifest'];
export type CurrentModel = Schemas['CurrentModel'];
export type ModelDetail = Schemas['ModelDetail'];
export type Alert = Schemas['Alert'];
export type Silence = Schemas['Silence'];
export type Explanation = Schemas['Explanation'];
export type Session = Schemas['Session'];
export type Change = Schemas['Change'];
export type Changes = Answer<'/api/changes'>;
export type InUse = Changes['in_use'];
export type MonitorLook = Schemas['MonitorLook'];
export type Candles = Schemas['Candles'];
export type SignalHistory = Answer<'/api/signals/history'>;
export type Rollout = Schemas['Rollout'];
export type RolloutLook = Schemas['RolloutLook'];
export type DirectionModel = Schemas['DirectionModel'];
export type DirectionMetrics = Schemas['DirectionManifest']['metrics'];
export type Status = Answer<'/api/status'>;
export type Backtests = Answer<'/api/backtests'>;
export type Backtest = Answer<'/api/backtests'>['backtests'][number];
export type RequestedBacktest = Answer<'/api/backtests'>['requested'][number];
export type BacktestResult = Schemas['BacktestResult'];
export type Channel = Answer<'/api/alerts/channels'>['channels'][number];
export type Trade = Answer<'/api/trades'>['trades'][number];
export type AuditEntry = Answer<'/api/audit'>['entries'][number];
export type PolicyEntry = Answer<'/api/policy'>['entries'][number];
export type Edge = Manifest['edge'][string];
export type Gate = NonNullable<Manifest['gates']>[number];
export type SearchHistory = Schemas['SearchHistory'];
export type SymbolCoverage = Schemas['SymbolCoverage'];
export type ImportRun = Schemas['ImportRun'];
export type Condition = Explanation['conditions'][number];
export type ExplainedModel = NonNullable<Explanation['models']>['ai1'];

let csrfToken = '';

/** Sets the token sent with every further request. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token ?? '';
}

/** Typed client of the trainer that serves this page. Every call may throw an `ApiError`. */
export const api = createClient({
  headers: (): Record<string, string> => (csrfToken === '' ? {} : { 'x-csrf-token': csrfToken }),
});
