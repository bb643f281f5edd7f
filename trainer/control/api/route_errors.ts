import type { ErrorCode } from '../../../shared/errors.ts';

/** Errors that every route may return. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  ...(['HOST_REFUSED', 'ORIGIN_REFUSED', 'LOGIN_REQUIRED', 'LOGIN_REFUSED', 'ATTEMPTS_TOO_MANY'] as const),
  ...([
    'ROLE_REFUSED',
    'CSRF_REFUSED',
    'REQUEST_INVALID',
    'QUERY_UNKNOWN',
    'STORE_UNUSABLE',
    'DISK_FULL',
    'INTERNAL',
  ] as const),
];

const WITH_BODY: readonly ErrorCode[] = ['BODY_TOO_LARGE'];
const TRAIN: readonly ErrorCode[] = [
  ...(['SETTING_UNSUPPORTED', 'DATA_MISSING', 'DATA_FORMAT', 'LEARNER_MISSING', 'RETRAIN_RUNNING'] as const),
  'RUNS_TOO_MANY',
  ...(['COMPARISON_IMPOSSIBLE', 'MODEL_SYMBOLS'] as const),
  ...(['CONFIG_SYNTAX', 'CONFIG_UNKNOWN_KEY', 'CONFIG_INVALID'] as const),
  ...WITH_BODY,
];
const RULE_RUN: readonly ErrorCode[] = [
  'CONFIG_INVALID',
  'CONFIG_UNKNOWN_KEY',
  'NAME_UNSAFE',
  'RETRAIN_RUNNING',
  'RUNS_TOO_MANY',
  ...WITH_BODY,
];
const BUNDLE: readonly ErrorCode[] = [
  ...(['MODEL_MISSING', 'MODEL_MANIFEST', 'MODEL_HASH', 'MODEL_SCHEMA', 'MODEL_LOAD', 'MODEL_GOLDEN'] as const),
  ...(['MODEL_SIGNATURE', 'MODEL_OUTPUT', 'MODEL_FILE'] as const),
];
/** Of the admission of a bundle. */
const ADMISSION: readonly ErrorCode[] = [
  ...BUNDLE,
  ...(['MODEL_GATES', 'MODEL_SIMULATED', 'MODEL_MARKET', 'MODEL_TIMEFRAME', 'MODEL_SLOT', 'MODEL_SYMBOLS'] as const),
  ...(['KERNEL_MISSING'] as const),
  ...(['POINTER_ROLLBACK', 'POINTER_SIGNATURE', 'POINTER_EXPIRED', 'POINTER_MARK', 'KEY_UNUSABLE'] as const),
];
const GIT: readonly ErrorCode[] = [
  ...([
    'CHANGE_DIRTY',
    'CHANGE_UNAPPROVED',
    'GIT_MISSING',
    'GIT_FAILED',
    'HOME_LOCKED',
    'PULL_REQUEST_FAILED',
  ] as const),
];
const CONFIG: readonly ErrorCode[] = [
  'CHANGE_SECRET',
  'CHANGES_TOO_MANY',
  'CONFIG_INVALID',
  'CONFIG_UNKNOWN_KEY',
  ...GIT,
  ...WITH_BODY,
];

const FLEET = ['QUEUE_UNREACHABLE', 'CONFIG_INVALID', 'BLOBS_UNREACHABLE'] as const satisfies readonly ErrorCode[];

/** Additional errors, by method and path as in the OpenAPI document. */
export const ROUTE_ERRORS: Readonly<Record<string, readonly ErrorCode[]>> = {
  'POST /api/ml-training/train': TRAIN,
  'POST /api/ml/train': TRAIN,
  'POST /api/ml-training/stop': ['RETRAIN_IDLE'],
  'GET /api/ml/models': ['MODEL_FILE'],
  'GET /api/ml/models/current': BUNDLE,
  'GET /api/ml/models/{model_name}': BUNDLE,
  'GET /api/ml/direction-models': ['MODEL_FILE'],
  'GET /api/ml/direction-models/{model_name}': BUNDLE,
  'POST /api/ml/direction-models/{model_name}/verify': [...BUNDLE, 'KERNEL_MISSING'],
  'POST /api/ml/direction-models/{model_name}/load': [...ADMISSION, ...WITH_BODY],
  'POST /api/ml/rollout': [...ADMISSION, 'ROLLOUT_STATE', ...WITH_BODY],
  'POST /api/imports': ['JOBS_TOO_MANY', 'NAME_UNSAFE', 'PREVIEW_TIMEOUT', 'IMPORT_TIMEOUT', ...WITH_BODY],
  'POST /api/imports/preview': ['JOBS_TOO_MANY', 'NAME_UNSAFE', 'PREVIEW_TIMEOUT', ...WITH_BODY],
  'POST /api/ml/rollout/abort': ['ROLLOUT_STATE', ...WITH_BODY],
  'GET /api/searches/{search_id}': ['NOT_FOUND', 'SEARCH_JOURNAL'],
  'POST /api/ml/models/{model_name}/load': [...ADMISSION, ...WITH_BODY],
  'PUT /api/ml/shadow': [...ADMISSION, ...WITH_BODY],
  'DELETE /api/ml/models/{model_id}': ['MODEL_MISSING', 'MODEL_IN_USE'],
  'POST /api/ml/models/cleanup': [],
  'GET /api/ml/predict': ['SCORES_UNKNOWN'],
  'POST /api/ml/predict': ['FEATURES_REFUSED', ...BUNDLE, ...WITH_BODY],
  'PUT /api/ml/config': CONFIG,
  'POST /api/ml/config/reset': CONFIG,
  'POST /api/changes/{change_id}/approve': ['CHANGE_UNKNOWN', 'CHANGE_OWN', 'CHANGE_CONFLICT', ...GIT],
  'POST /api/changes/{change_id}/reject': ['CHANGE_UNKNOWN', ...GIT],
  'POST /api/changes/{change_id}/take-back': ['CHANGE_UNKNOWN', 'CHANGE_CONFLICT', ...GIT],
  'POST /api/automl-features/generate': [
    ...(['SETTING_UNSUPPORTED', 'PAIR_UNKNOWN', 'DATA_MISSING', 'DATA_FORMAT', 'RETRAIN_RUNNING'] as const),
    'RUNS_TOO_MANY',
    ...WITH_BODY,
  ],
  'POST /api/automl-features/validate-config': WITH_BODY,
  'POST /api/automl-features/clear-cache': ['RETRAIN_RUNNING'],
  'POST /api/alerts/{alert_id}/ack': ['ALERT_UNKNOWN'],
  'POST /api/alerts/channels/{channel}/test': ['CHANNEL_CLOSED'],
  'POST /api/alerts/silence': ['SILENCE_PATTERN', ...WITH_BODY],
  'POST /api/backtests': ['MODEL_MISSING', 'PAIR_UNKNOWN', 'BACKTESTS_TOO_MANY', ...WITH_BODY],
  'POST /api/backtests/{backtest_id}/cancel': ['BACKTEST_UNKNOWN', 'BACKTEST_ENDED'],
  'POST /api/jobs': ['JOB_INVALID', 'JOBS_TOO_MANY', 'MODEL_MARKET', ...WITH_BODY],
  'GET /api/fleet': FLEET,
  'POST /api/fleet/tasks/retry': ['TASK_UNKNOWN', 'FLEET_ABSENT', ...FLEET, ...WITH_BODY],
  'POST /api/fleet/tasks/forget': ['TASK_UNKNOWN', 'FLEET_ABSENT', ...FLEET, ...WITH_BODY],
  'POST /api/fleet/workers/end': ['WORKER_UNKNOWN', 'FLEET_ABSENT', ...FLEET, ...WITH_BODY],
  'GET /api/jobs/{job_id}': ['JOB_UNKNOWN'],
  'GET /api/jobs/{job_id}/events': ['JOB_UNKNOWN'],
  'GET /api/jobs/{job_id}/result': ['JOB_UNKNOWN', 'JOB_NO_RESULT'],
  'POST /api/jobs/{job_id}/cancel': ['JOB_UNKNOWN', 'JOB_ENDED'],
  'GET /api/backtests/compare': ['BACKTEST_UNKNOWN'],
  'GET /api/backtests/{backtest_id}': ['BACKTEST_UNKNOWN'],
  'GET /api/backtests/{backtest_id}/files/{name}': ['BACKTEST_UNKNOWN'],
  'GET /api/stops': ['HALTS_FORMAT'],
  'POST /api/stops': ['HALTS_FORMAT', 'PAIR_UNKNOWN', 'HOME_LOCKED', ...WITH_BODY],
  'POST /api/stops/resume': ['HALTS_FORMAT', 'PAIR_UNKNOWN', 'STOP_OF_ALL', 'HOME_LOCKED', ...WITH_BODY],
  'GET /api/formulas': ['PAIR_UNKNOWN', 'DATA_MISSING', 'DATA_FORMAT'],
  'GET /api/candles': ['PAIR_UNKNOWN', 'DATA_FORMAT'],
  'GET /api/performance': ['EA_STATE'],
  'GET /api/reports': ['EA_STATE'],
  'GET /api/events': ['STREAMS_TOO_MANY'],
  'GET /api/strategies': ['MODEL_MANIFEST', 'MODEL_FILE'],
  'GET /api/strategies/{version}': BUNDLE,
  'GET /api/strategies/shadow': ['NAME_UNSAFE', 'POINTER_MARK', ...BUNDLE],
  'POST /api/strategies/{version}/shadow': [...ADMISSION, 'HOME_LOCKED', 'LOOKS_FORMAT'],
  'POST /api/strategies/end-shadow': ['MODEL_MISSING', 'HOME_LOCKED', 'NAME_UNSAFE', ...WITH_BODY],
  'POST /api/strategies/check': ['LOOKS_FORMAT', ...WITH_BODY],
  'POST /api/strategies/start': RULE_RUN,
  'POST /api/strategies/judge': RULE_RUN,
  'POST /api/strategies/stop': ['RETRAIN_IDLE'],
  'POST /api/strategies/{version}/promote': [...ADMISSION, 'LOOKS_FORMAT', ...WITH_BODY],
  'POST /api/strategies/end': ['MODEL_MISSING', 'HOME_LOCKED', 'NAME_UNSAFE', ...WITH_BODY],
};

/** `POST /api/alerts/:alert_id/ack` → `POST /api/alerts/{alert_id}/ack` */
export function operationName(method: string, url: string): string {
  return `${method.toUpperCase()} ${url.replace(/:(\w+)/g, '{$1}')}`;
}

export function errorsOf(operation: string): readonly ErrorCode[] {
  return [...COMMON_ERRORS, ...(ROUTE_ERRORS[operation] ?? [])];
}
