import type { ErrorCode } from '../../../shared/errors.ts';

/** Errors that every route may return. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  ...(['HOST_REFUSED', 'ORIGIN_REFUSED', 'LOGIN_REQUIRED', 'LOGIN_REFUSED', 'ATTEMPTS_TOO_MANY'] as const),
  ...([
    'ROLE_REFUSED',
    'CSRF_REFUSED',
    'REQUEST_INVALID',
    'QUERY_UNKNOWN',
    'REQUESTS_TOO_MANY',
    'STORE_UNUSABLE',
    'DISK_FULL',
    'INTERNAL',
  ] as const),
];

/** Of a request with a body. */
export const BODY_ERRORS: readonly ErrorCode[] = ['BODY_TOO_LARGE'];
export const TRAIN_ERRORS: readonly ErrorCode[] = [
  ...(['SETTING_UNSUPPORTED', 'DATA_MISSING', 'DATA_FORMAT', 'LEARNER_MISSING', 'RETRAIN_RUNNING'] as const),
  'RUNS_TOO_MANY',
  ...(['COMPARISON_IMPOSSIBLE', 'MODEL_SYMBOLS'] as const),
  ...(['CONFIG_SYNTAX', 'CONFIG_UNKNOWN_KEY', 'CONFIG_INVALID'] as const),
  ...BODY_ERRORS,
];
export const RULE_RUN_ERRORS: readonly ErrorCode[] = [
  'CONFIG_INVALID',
  'CONFIG_UNKNOWN_KEY',
  'NAME_UNSAFE',
  'RETRAIN_RUNNING',
  'RUNS_TOO_MANY',
  ...BODY_ERRORS,
];
export const BUNDLE_ERRORS: readonly ErrorCode[] = [
  ...(['MODEL_MISSING', 'MODEL_MANIFEST', 'MODEL_HASH', 'MODEL_SCHEMA', 'MODEL_LOAD', 'MODEL_GOLDEN'] as const),
  ...(['MODEL_SIGNATURE', 'MODEL_OUTPUT', 'MODEL_FILE'] as const),
  ...(['MODEL_OPERATOR', 'MODEL_ROWS', 'MODEL_REPEAT', 'MODEL_LIMITS'] as const),
];
/** Of the admission of a bundle. */
export const ADMISSION_ERRORS: readonly ErrorCode[] = [
  ...BUNDLE_ERRORS,
  ...(['MODEL_GATES', 'MODEL_SIMULATED', 'MODEL_MARKET', 'MODEL_TIMEFRAME', 'MODEL_SYMBOLS'] as const),
  ...(['KERNEL_MISSING'] as const),
  ...(['POINTER_ROLLBACK', 'POINTER_SIGNATURE', 'POINTER_EXPIRED', 'POINTER_MARK', 'KEY_UNUSABLE'] as const),
];
export const GIT_ERRORS: readonly ErrorCode[] = [
  ...([
    'CHANGE_DIRTY',
    'CHANGE_UNAPPROVED',
    'GIT_MISSING',
    'GIT_FAILED',
    'HOME_LOCKED',
    'PULL_REQUEST_FAILED',
  ] as const),
];
export const CONFIG_ERRORS: readonly ErrorCode[] = [
  'CHANGE_SECRET',
  'CHANGES_TOO_MANY',
  'CONFIG_INVALID',
  'CONFIG_UNKNOWN_KEY',
  ...GIT_ERRORS,
  ...BODY_ERRORS,
];

export const FLEET_ERRORS = [
  'QUEUE_UNREACHABLE',
  'FLEET_LIBRARY',
  'CONFIG_INVALID',
  'BLOBS_UNREACHABLE',
] as const satisfies readonly ErrorCode[];
