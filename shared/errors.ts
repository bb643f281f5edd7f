import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { serverNext } from './postgres_causes.ts';
import { effectiveAdvice } from './effective_advice.ts';
import { addressVariable, CHANNEL_NAMES } from './notification_channels.ts';
import { maskSecrets } from './secrets.ts';

const alternatives = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;

/**
 * The one table of error codes. API answers, CLI messages, logs and docs/reference/ERRORS.md all read it. Every entry
 * states the error and the next step; the thrower adds what was seen and what was expected.
 */
export const ERRORS = {
  BAR_MALFORMED: {
    status: 400,
    message: 'The bar lacks expected fields.',
    next: 'See docs/reference/PROTOCOL.md#bars.',
  },
  BAR_NOT_FINITE: {
    status: 422,
    message: 'A number is NaN, infinite or missing.',
    next: 'Omit the bar, or send the minute as empty.',
  },
  BAR_NOT_POSITIVE: {
    status: 422,
    message: 'A price is zero or negative, or a volume is negative.',
    next: 'Prices are > 0, volume is >= 0 (0 = unknown).',
  },
  BAR_PRICE_RANGE: {
    status: 422,
    message: 'A price is below 1e-12 or above 1e12, or a volume is above 1e18.',
    next: 'Check the unit and the scale of the source.',
  },
  BAR_RANGE: {
    status: 422,
    message: 'high and low do not enclose open and close.',
    next: 'Check the column order: open, high, low, close.',
  },
  BAR_OFF_MINUTE: {
    status: 422,
    message: 'The time is not a whole UTC minute.',
    next: 'Send the bar open as ISO 8601 or epoch milliseconds.',
  },
  BAR_TIME_RANGE: {
    status: 422,
    message: 'The time is before 1970 or after 2100.',
    next: 'Use one unit for all times.',
  },
  BAR_DST_GAP: {
    status: 422,
    message: 'This local time does not exist (daylight-saving gap).',
    next: 'Give the file’s zone with --timezone.',
  },
  BAR_FUTURE: {
    status: 422,
    message: 'The bar has not closed yet by this machine’s clock.',
    next: 'Check both clocks (NTP); times are UTC, not broker time.',
  },
  BARS_LATE: {
    status: 422,
    message: 'Live bars arrive after their signals have expired.',
    next: '`time` is the open in UTC; check clocks (NTP) and data delay; history: ?backfill=1.',
  },
  BAR_UNKNOWN_SYMBOL: {
    status: 422,
    message: 'No configured pair uses this symbol.',
    next: 'Add the symbol and its pair to config/minutehand.yaml.',
  },
  BAR_OUT_OF_ORDER: {
    status: 409,
    message: 'A newer bar of this symbol was accepted.',
    next: 'Send bars in ascending order, history first (?backfill=1).',
  },
  BAR_REVISED: {
    status: 409,
    message: 'Another bar of this symbol and minute was accepted.',
    next: 'Revisions are refused.',
  },
  BAR_TOO_MANY: { status: 413, message: 'Too many bars in one request.', next: 'Send fewer bars per request.' },
  SERIES_MALFORMED: {
    status: 400,
    message: 'The value of a series lacks expected fields.',
    next: 'Send {symbol, series, event_time, value}; it arrives now. History: `minutehand series import`.',
  },
  SERIES_FUTURE: {
    status: 422,
    message: 'The event of a series is in the future by this machine’s clock.',
    next: 'Check both clocks (NTP); event_time is UTC.',
  },
  SERIES_STALE: {
    status: 422,
    message: 'The event is too old for any bar.',
    next: 'Import history with `minutehand series import`.',
  },
  SERIES_CLOCK: {
    status: 503,
    message: 'This machine’s clock is behind arrivals in the journal, or bars.',
    next: 'Correct the clock (NTP), then send the values again.',
  },
  COLLECT_LIBRARY: {
    status: 500,
    message: '`collect` needs ccxt, which is not installed.',
    next: 'Run `npm install --no-save ccxt@4.5.84` (67 MB), or set MINUTEHAND_CCXT.',
  },
  COLLECT_EXCHANGE: {
    status: 502,
    message: 'The exchange did not return the requested data.',
    next: 'It is retried; if this lasts, check the network and the exchange’s status.',
  },
  COLLECT_DAEMON: {
    status: 502,
    message: 'The daemon refuses collected data.',
    next: 'Start it with market live; missing data follows.',
  },
  COLLECT_CLOCK: {
    status: 500,
    message: 'The clocks of this machine and of the exchange differ.',
    next: 'Set this machine’s clock (NTP).',
  },
  FORMULA_SYNTAX: {
    status: 422,
    message: 'The formula cannot be read.',
    next: 'Correct the text at the column; the language: docs/reference/FORMULAS.md.',
  },
  FORMULA_NAME: {
    status: 422,
    message: 'The formula uses an unknown name.',
    next: 'Sources and operators: docs/reference/FORMULAS.md.',
  },
  FORMULA_ARGUMENTS: {
    status: 422,
    message: 'An operator of the formula has wrong arguments.',
    next: 'Write it as its signature in docs/reference/FORMULAS.md.',
  },
  FORMULA_TYPE: {
    status: 422,
    message: 'The formula uses a number as a condition, or a condition as a number.',
    next: 'Compare numbers (close > open); make numbers by where(condition, 1, 0).',
  },
  FORMULA_UNIT: {
    status: 422,
    message: 'The formula adds or compares quantities of different units.',
    next: 'Make them comparable first: by a ratio, rank, zscore or log.',
  },
  FORMULA_WINDOW: {
    status: 422,
    message: 'A window of the formula is not allowed.',
    next: 'Write a whole number of bars within the operator’s limits.',
  },
  FORMULA_CONSTANT: {
    status: 422,
    message: 'The formula, or a number in it, has no use.',
    next: 'Read a source of the subject, such as close or a.close.',
  },
  FORMULA_LENGTH: {
    status: 422,
    message: 'The formula is too long.',
    next: 'Split it into several features.',
  },
  FORMULA_DEPTH: {
    status: 422,
    message: 'The formula is nested too deeply.',
    next: 'Split it into several features.',
  },
  FORMULA_NODES: {
    status: 422,
    message: 'The formula has too many parts.',
    next: 'Split it into several features.',
  },
  FORMULA_MEMORY: {
    status: 422,
    message: 'The windows of the formula need too much memory.',
    next: 'Shorten its windows, or use bars of a longer timeframe.',
  },
  FORMULA_LOOK_BACK: {
    status: 422,
    message: 'The formula looks back too far.',
    next: 'Shorten its windows, or use bars of a longer timeframe.',
  },
  BARS_REFUSED: {
    status: 422,
    message: 'The bars show a fault of their source, so none of the symbol was taken.',
    next: 'Mend the source. To take them as they are, add --accept with the verdict.',
  },
  FEED_REFUSED: {
    status: 422,
    message: 'Bars that a daemon received show a fault of their feed, so nothing learns from them.',
    next: 'Mend the feeder. Then `minutehand bars leave-out` keeps the wrong bars out (import right ones in their place), or `minutehand bars accept` takes them as they are.',
  },
  IMPORT_EMPTY: {
    status: 422,
    message: 'Nothing was imported.',
    next: 'See the reasons above.',
  },
  IMPORT_UNKNOWN: {
    status: 404,
    message: 'No import has this number.',
    next: 'List them with `minutehand bars history`.',
  },
  BARS_CHANGED: {
    status: 409,
    message: 'Bars were undone, deleted, replaced or left out while they were used, so the result was not kept.',
    next: 'Run it again, on the bars as they are now.',
  },
  IMPORT_UNDONE: {
    status: 409,
    message: 'This import has been undone already.',
    next: 'Import the files again.',
  },
  BODY_TOO_LARGE: { status: 413, message: 'The request body is too large.', next: 'Send fewer bars per request.' },
  BODIES_TOO_MANY: {
    status: 503,
    message: 'Unfinished requests take too much memory.',
    next: 'Send the request again, without pauses.',
  },
  CONNECTIONS_TOO_MANY: {
    status: 503,
    message: 'Too many connections.',
    next: 'Close some.',
  },
  BODY_NOT_JSON: {
    status: 400,
    message: 'The request body is not valid JSON.',
    next: 'Send a JSON object or array of bars.',
  },
  BODY_TOO_DEEP: {
    status: 400,
    message: 'The JSON of the request is nested too deep.',
    next: 'Send a flat object per bar; see docs/reference/PROTOCOL.md#bars.',
  },
  GZIP_TOTAL: {
    status: 413,
    message: 'A compressed file becomes far larger than a file of its size can be.',
    next: 'Unpack it by hand and look at it; import the unpacked file.',
  },
  STREAM_ENTRY_SIZE: {
    status: 413,
    message: 'An entry of a Redis stream is too large and was passed over.',
    next: 'Find out who wrote it; send bars in smaller entries.',
  },
  STREAM_IDS: {
    status: 422,
    message:
      'Entries of a Redis stream had ids that no clock gives, after which nothing can be added; they were read, then removed.',
    next: 'Find out who wrote them; writers give the id `*`.',
  },
  STREAM_TRIMMED: {
    status: 500,
    message: 'Entries of the stream minutehand:bars were removed unread.',
    next: 'Keep more entries: XADD with a greater MAXLEN.',
  },
  STREAM_REFUSED: {
    status: 500,
    message: 'Redis refuses reads of a stream.',
    next: 'Allow its user +xread +xrange +xinfo ~minutehand:bars, for fills +xgroup +xreadgroup +xautoclaim +xack ~minutehand:fills; the key must be a stream.',
  },
  BOOT_CHANGED: {
    status: 409,
    message: 'The daemon was restarted; no bar was taken.',
    next: 'Send the last hours with ?backfill=1, then use the new boot_id.',
  },
  FEED_CLOSED: {
    status: 409,
    message: 'This daemon’s market is simulated or a replay.',
    next: 'Start it with --market live.',
  },
  UNAUTHORIZED: {
    status: 401,
    message: 'Other machines need the bearer token.',
    next: 'Send `Authorization: Bearer <MINUTEHAND_TOKEN>`; to the trainer, `MINUTEHAND_TRAINER_TOKEN`.',
  },
  LOGIN_REQUIRED: {
    status: 401,
    message: 'The API needs a session or a bearer token.',
    next: 'Use `minutehand token link`, or a token of `minutehand token create` as `Authorization: Bearer`.',
  },
  LOGIN_REFUSED: {
    status: 401,
    message: 'The login link or token is unknown, used, expired or revoked.',
    next: 'Run `minutehand token link` or `minutehand token create`.',
  },
  ROLE_REFUSED: {
    status: 403,
    message: 'The role does not allow this.',
    next: 'Run `minutehand token create --role <role>`.',
  },
  CSRF_REFUSED: {
    status: 403,
    message: 'A write of a browser session lacks a valid CSRF token or origin.',
    next: 'Send x-csrf-token (from GET /api/session) from the same origin.',
  },
  ATTEMPTS_TOO_MANY: {
    status: 429,
    message: 'Too many wrong login links or tokens from this address.',
    next: 'Wait retry-after seconds; check the token.',
  },
  STREAMS_TOO_MANY: {
    status: 429,
    message: 'Too many event streams are open.',
    next: 'Close other readers of /api/events.',
  },
  TOKEN_UNKNOWN: {
    status: 404,
    message: 'No such valid token.',
    next: 'See `minutehand token list`.',
  },
  REQUEST_INVALID: {
    status: 400,
    message: 'The request does not match the endpoint’s schema.',
    next: 'See /api/openapi.json or docs/reference/PROTOCOL.md#api.',
  },
  SESSION_UNKNOWN: {
    status: 404,
    message: 'No open session has this id.',
    next: '`minutehand token list` and GET /api/sessions list open sessions.',
  },
  AUDIT_WHOLE: {
    status: 409,
    message: 'The audit has every entry that its anchors name.',
    next: 'Nothing is missing: there is nothing to restart.',
  },
  AUDIT_FULL: {
    status: 503,
    message: 'This is not in the audit: the store cannot be used, and the file of entries that wait for it is full.',
    next: 'See `minutehand status` for the store; once it can be used, the trainer takes over all entries that wait.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    message: 'The Origin header names a foreign site.',
    next: 'Use a page of this machine, or add the host name to allowed_hosts.',
  },
  HOST_REFUSED: {
    status: 403,
    message: 'The Host header names a foreign server.',
    next: 'Use 127.0.0.1, or add the host name to allowed_hosts.',
  },
  HTTP_MALFORMED: {
    status: 400,
    message: 'The request is not valid HTTP/1.1.',
    next: 'Use plain HTTP (no TLS) with one Content-Length or chunks.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    message: 'The request headers are too large.',
    next: 'Send at most 16 KiB.',
  },
  FILE_TOO_LARGE: {
    status: 413,
    message: 'The file is too large to be sent to the trainer.',
    next: 'Use the terminal, which has no limit: minutehand bars import <file>.',
  },
  PREVIEW_TIMEOUT: {
    status: 504,
    message: 'The preview of the import did not end in time.',
    next: 'Preview a part of the file, or use the terminal, which has no limit: minutehand bars import <file> --dry-run.',
  },
  IMPORT_TIMEOUT: {
    status: 504,
    message: 'The import did not end in time.',
    next: 'See what it has stored: minutehand bars imports. The same import adds the rest; the terminal has no limit.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    message: 'The request did not arrive in time.',
    next: 'Send it within 30 s. A file may take longer, but no pause in it.',
  },
  REQUESTS_TOO_MANY: {
    status: 429,
    message: 'Too many requests of this kind wait already.',
    next: 'Send it again when some are answered.',
  },
  REQUEST_ABANDONED: {
    status: 499,
    message: 'The client closed the connection before its request was done.',
    next: 'Send it again, and wait for the answer.',
  },
  NOT_FOUND: {
    status: 404,
    message: 'No such endpoint.',
    next: 'See docs/reference/PROTOCOL.md#endpoints.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    message: 'The endpoint does not take this method.',
    next: 'See docs/reference/PROTOCOL.md#endpoints.',
  },
  INTERNAL: {
    status: 500,
    message: 'An unexpected error.',
    next: 'If it repeats, report it with the log line.',
  },
  PROGRAM_REPLACED: {
    status: 503,
    message: 'The program was replaced while it ran: a part of it that is needed now is gone.',
    next: 'Restart it; what it has stored is whole.',
  },
  PORT_TAKEN: {
    status: 500,
    message: 'The port is in use.',
    next: 'Stop the other program, or set MINUTEHAND_DAEMON_PORT or MINUTEHAND_TRAINER_PORT.',
  },
  ADDRESS_UNUSABLE: {
    status: 500,
    message: 'The server cannot listen at this address.',
    next: 'Use 127.0.0.1 or 0.0.0.0 and a port from 1024 on, or 0.',
  },
  ENGINE_MISSING: {
    status: 500,
    message: 'uWebSockets.js cannot be loaded on this machine.',
    next: '`npm run engine` installs it where its build loads, and says why where it does not; the engines `auto` and `ws` work without it.',
  },
  NODE_UNSUPPORTED: {
    status: 500,
    message: 'This version of Node is not supported.',
    next: 'Install Node 24: https://nodejs.org, or nvm install 24.',
  },
  NOT_INSTALLED: {
    status: 500,
    message: 'The packages of package-lock.json are not installed here.',
    next: 'Run `npm start` or `npm run build` here.',
  },
  NODE_MISMATCH: {
    status: 500,
    message: 'node_modules was installed for another Node or machine.',
    next: 'Use that Node, or run `npm run build`.',
  },
  SQLITE_MISSING: {
    status: 500,
    message: 'SQLite (better-sqlite3) does not load with this Node.',
    next: 'Run `npm run build`.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    message: 'The endpoint is WebSocket only.',
    next: 'See docs/reference/PROTOCOL.md#endpoints.',
  },
  STOPPING: { status: 503, message: 'The process is shutting down.', next: 'Reconnect later.' },
  STOP_BY_SIGNAL: {
    status: 422,
    message:
      'Processes that `minutehand up` did not start run in this home: `minutehand stop` ends them on Windows alone, which has no signals.',
    next: 'Press Ctrl-C where they run, or use `kill <pid>`, or `sudo systemctl stop minutehand.target`.',
  },
  STOP_UNANSWERED: {
    status: 500,
    message: 'A process did not end in time.',
    next: 'Look into its log; a longer `--wait`, or end it in the Task Manager: nothing that was journaled is lost.',
  },
  HOME_LOCKED: {
    status: 500,
    message: 'Another process of this kind uses this MINUTEHAND_HOME.',
    next: 'Stop it first, or set another MINUTEHAND_HOME.',
  },
  BLOB_MISSING: {
    status: 500,
    message: 'A blob of the fleet is not there.',
    next: 'All machines of a fleet need the same MINUTEHAND_BLOBS. The training makes what is missing again: start it again.',
  },
  BLOB_DAMAGED: {
    status: 500,
    message: 'A blob of the fleet is not what its name says.',
    next: 'Look at its disk. A training makes what is damaged again: start it again if it has ended.',
  },
  BLOBS_UNREACHABLE: {
    status: 502,
    message: 'The bucket of MINUTEHAND_BLOBS cannot be used.',
    next: 'Check address, credentials and network; tasks are tried again.',
  },
  FLEET_LIBRARY: {
    status: 500,
    message: '`MINUTEHAND_QUEUE=bullmq` needs BullMQ, which is not installed.',
    next: 'Run `npm install --no-save --save-prod --omit=dev bullmq@6.7.0` in the folder whose node_modules minutehand uses.',
  },
  QUEUE_UNREACHABLE: {
    status: 502,
    message: 'The queue of the fleet does not answer.',
    next: 'Check MINUTEHAND_REDIS_URL, its password and the network; without MINUTEHAND_QUEUE a training uses its own threads.',
  },
  TASK_DIFFERS: {
    status: 500,
    message: 'Two workers made different results of one task, which must be equal to the bit.',
    next: 'The first result stays. Find the worker whose memory, processor or program is at fault, and take it out.',
  },
  TASK_LOST: {
    status: 500,
    message: 'Every worker that began a task was lost: killed, out of memory, or cut off.',
    next: 'Look at the logs and the memory of the workers, then start the training again: what is done is kept.',
  },
  TASK_MEMORY: {
    status: 507,
    message: 'A task took more memory than its worker gives one, and was ended.',
    next: 'Start workers with fewer --slots or a higher --task-memory-mb, then `minutehand fleet retry`; or train on fewer days.',
  },
  TASK_TIME: {
    status: 504,
    message: 'A task took longer than its worker gives one, and was ended.',
    next: 'Start workers with a higher --task-time, then `minutehand fleet retry`; or use fewer rounds or rows.',
  },
  TASK_UNREADABLE: {
    status: 422,
    message: 'A task of the fleet is not what a worker can read.',
    next: 'Another program writes into this queue, or its data are damaged: check who has the password of Redis, then `minutehand fleet forget`.',
  },
  TASK_UNKNOWN: {
    status: 404,
    message: 'The fleet has no failed task of this key.',
    next: '`minutehand fleet` shows those that it has; one that was asked for again is not failed any more.',
  },
  WORKER_UNKNOWN: {
    status: 404,
    message: 'No such worker was heard of within a minute.',
    next: '`minutehand fleet` shows those that live, with their names.',
  },
  FLEET_MISMATCH: {
    status: 409,
    message: 'This worker is another build than the trainer: its results could differ.',
    next: 'Install the same version with the same major version of Node and the same kind of processor.',
  },
  FLEET_ABSENT: {
    status: 400,
    message: 'No queue is configured.',
    next: 'Set MINUTEHAND_QUEUE=embedded for workers of this machine; for others MINUTEHAND_QUEUE=bullmq, MINUTEHAND_REDIS_URL and MINUTEHAND_BLOBS.',
  },
  LEASE_LOST: {
    status: 500,
    message: 'The lease was not renewed in time: this daemon does not publish.',
    next: 'Check the lease server (`lease.url`) and the network.',
  },
  HOME_UNUSABLE: {
    status: 500,
    message: 'The home folder cannot be used.',
    next: 'Make MINUTEHAND_HOME writable for this user.',
  },
  CONFIG_MISSING: {
    status: 500,
    message: 'A configuration file is missing.',
    next: 'Restore it, or correct MINUTEHAND_CONFIG.',
  },
  CONFIG_SYNTAX: {
    status: 500,
    message: 'A configuration file is not valid YAML.',
    next: 'Correct the named line.',
  },
  CONFIG_UNKNOWN_KEY: {
    status: 422,
    message: 'A configuration key does not exist.',
    next: 'Correct the spelling, or remove the key.',
  },
  JOB_INVALID: {
    status: 422,
    message: 'A job is not in the expected form.',
    next: 'Make one with `minutehand train --print-job`; `minutehand job schema` describes it.',
  },
  CONFIG_INVALID: {
    status: 422,
    message: 'A configuration value is not allowed.',
    next: 'Correct it; `minutehand config show` prints the values in effect.',
  },
  CONFIG_UNAPPROVED: {
    status: 500,
    message: 'The approved configuration was edited or damaged.',
    next: 'Run `minutehand policy restore`; propose the edit.',
  },
  DATA_MISSING: {
    status: 404,
    message: 'The requested data does not exist.',
    next: 'A folder has one SYMBOL.csv or SYMBOL.csv.gz per symbol.',
  },
  DATA_FORMAT: {
    status: 422,
    message: 'A data file is not in the expected layout.',
    next: 'Header: time,open,high,low,close,volume[,spread]; time: epoch seconds of the open, UTC.',
  },
  SYMBOL_UNCLEAR: {
    status: 422,
    message: 'A name is no symbol, or may be more than one.',
    next: 'Give a symbol such as EURUSD: capital letters and digits, parts separated by dots.',
  },
  NAME_UNSAFE: {
    status: 422,
    message: 'A name from outside cannot be part of a path.',
    next: 'Use letters, digits, dots, hyphens and underscores.',
  },
  CLOCK_MISMATCH: {
    status: 422,
    message: 'In this time zone the file’s trading weeks open at wrong hours.',
    next: 'Give the zone with --timezone, or skip the check with --trust-clock.',
  },
  LEG_LAGS: {
    status: 422,
    message: 'One symbol repeats another one at another time: a late copy, or a wrong clock.',
    next: 'Import it again on its own clock, or from another source.',
  },
  LEGS_EQUAL: {
    status: 422,
    message: 'Both symbols of a pair have the same bars, so that there is nothing to trade between them.',
    next: 'Import the right bars under one of the names (`minutehand bars check` names copies), or take the pair out.',
  },
  SERIES_FORESIGHT: {
    status: 422,
    message: 'A series knows what the market does next.',
    next: 'Give each value the time at which it was known, or leave the series out.',
  },
  FEATURE_FORESIGHT: {
    status: 422,
    message: 'A feature tells the label better than any feature of this market can.',
    next: 'Remove what the column knows of the bars after its own.',
  },
  ALERT_UNKNOWN: {
    status: 404,
    message: 'No such open alert.',
    next: 'See `minutehand alerts list`.',
  },
  QUERY_UNKNOWN: {
    status: 400,
    message: 'The address has a parameter that nothing reads, or a value that it cannot have. Nothing was done.',
    next: 'See docs/reference/PROTOCOL.md for the parameters of each address.',
  },
  SILENCE_PATTERN: {
    status: 400,
    message: 'No alert has such a key: nothing would be silenced.',
    next: 'Copy the key from `minutehand alerts list --all`; docs/reference/NOTIFICATIONS.md lists all events.',
  },
  SILENCE_UNKNOWN: {
    status: 404,
    message: 'There is no active silence with this pattern.',
    next: 'See `minutehand alerts list`: it lists the silences.',
  },
  CHANNELS_MISSING: {
    status: 500,
    message: 'No notification channel is configured.',
    next: `Set ${alternatives(CHANNEL_NAMES.map(addressVariable))}.`,
  },
  CHANNEL_CLOSED: {
    status: 409,
    message: 'This notification channel is not open.',
    next: 'Set its variable in the environment of the trainer and start it again; `minutehand alerts channels` lists them.',
  },
  STORE_UNUSABLE: {
    status: 500,
    message: 'The trainer’s store cannot be used.',
    next: 'Check MINUTEHAND_DATABASE_URL and the server, or that MINUTEHAND_HOME is writable.',
  },
  STORE_VERSION: {
    status: 500,
    message: 'The tables of the trainer’s store are not those of this minutehand.',
    next: 'Use the minutehand that wrote it, or move the store aside: docs/guides/OPERATE.md#a-store-of-an-unreleased-build.',
  },
  TESTER_EMPTY: {
    status: 409,
    message: 'The backtest has no trade for the strategy tester to replay.',
    next: 'Choose another view, period or model.',
  },
  TABLE_FORMAT: {
    status: 422,
    message: 'A table has another layout than expected.',
    next: 'Use CSV with a header and numeric features.',
  },
  TABLE_SCHEMA: {
    status: 422,
    message: 'The table’s features differ from the configuration’s.',
    next: 'Run `minutehand dataset export`; columns: docs/reference/FEATURES.md.',
  },
  COSTS_UNKNOWN: {
    status: 422,
    message: 'What a symbol costs is not known, and no result is claimed without it.',
    next: 'State its spread, commission and slippage as its broker charges them: symbols in config/minutehand.yaml.',
  },
  DATA_TOO_SHORT: {
    status: 422,
    message: 'Not enough data.',
    next: 'Give a longer period, or fewer windows.',
  },
  LOOKS_FORMAT: {
    status: 422,
    message: 'holdout_looks.json, trials.json or a file of searched/ in models/ cannot be used.',
    next: 'Restore it from a copy: it has the evaluations of each holdout, the trials before it, or the rules that searches have tried, which verdicts need.',
  },
  MODEL_MISSING: {
    status: 404,
    message: 'A bundle, or one of its files, is missing.',
    next: 'See `minutehand models list`. `minutehand models recover` restores what the registry has. Or train.',
  },
  MODEL_FILE: {
    status: 422,
    message: 'A file in the models folder is too large or not a regular file.',
    next: 'Restore it; `minutehand models promote` rewrites active.json.',
  },
  MODEL_MANIFEST: {
    status: 422,
    message: 'The bundle’s manifest is not valid.',
    next: 'Train again, or restore the bundle from a copy.',
  },
  MODEL_HASH: {
    status: 422,
    message: 'A file of the bundle was changed (sha256).',
    next: '`minutehand models recover` restores it from the registry. Or train again.',
  },
  MODEL_SIGNATURE: {
    status: 422,
    message: 'No trusted key has signed the bundle.',
    next: 'If you trust it, run `minutehand models sign <version>`.',
  },
  POINTER_ROLLBACK: {
    status: 409,
    message: 'A pointer to models is older than one already accepted.',
    next: 'Find its origin; `minutehand models promote <version>` writes a newer one.',
  },
  PROMOTION_OWNER: {
    status: 409,
    message: 'Another installation that uses this store promotes models of this market.',
    next: 'Promote there, or stop its trainer: a minute after its last sign of life this one may.',
  },
  PROMOTION_STALE: {
    status: 409,
    message: 'Another installation has become the owner of promotions since.',
    next: 'See `minutehand models list`, and promote again what is to be active.',
  },
  POINTER_SIGNATURE: {
    status: 422,
    message: 'No trusted key has signed a pointer to models.',
    next: 'Run `minutehand models promote <version>` with MINUTEHAND_SIGNING_KEY.',
  },
  POINTER_EXPIRED: {
    status: 409,
    message: 'A pointer to models has expired.',
    next: 'Check that the trainer’s models arrive here; `minutehand models promote <version>` renews it.',
  },
  POINTER_MARK: {
    status: 500,
    message: 'The high-water mark of a pointer cannot be used.',
    next: 'Free disk space or restore the file; if it is lost, check the pointer.',
  },
  PARITY_FILE: {
    status: 422,
    message: 'The file is not a parity certificate.',
    next: '`minutehand parity` writes one.',
  },
  PARITY_SIGNATURE: {
    status: 422,
    message: 'No trusted key has signed the certificate.',
    next: 'Write it again with MINUTEHAND_SIGNING_KEY.',
  },
  KEY_UNUSABLE: {
    status: 422,
    message: 'A key for bundles cannot be used.',
    next: 'See docs/guides/OPERATE.md#the-key-that-signs-bundles.',
  },
  MODEL_SCHEMA: {
    status: 422,
    message: 'The bundle was trained on different features.',
    next: 'Train again with this version and configuration.',
  },
  MODEL_LOAD: {
    status: 422,
    message: 'The ONNX file could not be loaded.',
    next: 'Train again, or restore the bundle from a copy.',
  },
  MODEL_OPERATOR: {
    status: 422,
    message: 'The ONNX graph has an operator that is not served.',
    next: 'Export it for inference, with standard operators: docs/guides/extend/BRING_A_MODEL.md.',
  },
  MODEL_ROWS: {
    status: 422,
    message: 'The model’s answer to a row depends on the other rows of its batch.',
    next: 'Export a graph that answers each row by itself: no operator may mix values along the first dimension.',
  },
  MODEL_REPEAT: {
    status: 422,
    message: 'The model does not repeat its answers.',
    next: 'Export it for inference, without random operators: docs/guides/extend/BRING_A_MODEL.md.',
  },
  MODEL_LIMITS: {
    status: 422,
    message: 'Scoring the model takes too much memory or time.',
    next: 'Export a smaller model: the daemon answers within milliseconds.',
  },
  MODEL_EXPORT: {
    status: 500,
    message: 'onnxruntime’s answers differ from the trained model’s.',
    next: 'Report it with the command and the table.',
  },
  MODEL_GOLDEN: {
    status: 422,
    message: 'The model does not reproduce its golden answers.',
    next: 'Train again on this machine.',
  },
  MODEL_OUTPUT: {
    status: 500,
    message: 'A model returned a value outside [0, 1].',
    next: 'The set was dropped; train again.',
  },
  MODEL_GATES: {
    status: 422,
    message: 'The bundle has not passed its gates.',
    next: 'See its card and docs/reference/GATES.md#admission. Train again; --despite-gates --reason <text> (API: despite_gates, reason) activates it anyway.',
  },
  ROLLOUT_STATE: {
    status: 409,
    message: 'The rollout’s state does not allow this.',
    next: 'See `minutehand rollout status`; one rollout at a time.',
  },
  MODEL_SLOW: {
    status: 500,
    message: 'A model set was too slow twice in a row.',
    next: 'Train fewer trees, or raise inference.slow_ms.',
  },
  RULE_FAILED: {
    status: 500,
    message: 'A rule threw.',
    next: 'Mend its strategy and restart the daemon, promote another rule, or `minutehand strategy stop <subject>`.',
  },
  RULE_SLOW: {
    status: 500,
    message: 'A rule took too long for a bar, twice in a row, and delayed the signals of every subject.',
    next: 'Make its strategy faster and restart the daemon, promote another rule, or `minutehand strategy stop <subject>`.',
  },
  MODEL_SIMULATED: {
    status: 422,
    message: 'A live daemon refuses bundles of a simulated market.',
    next: 'Train on real bars: `minutehand train --data <folder>`.',
  },
  MODEL_MARKET: {
    status: 422,
    message: 'The bundle was trained on another market.',
    next: 'Train on bars of this market; check that MINUTEHAND_MARKET is that of the daemon.',
  },
  SHADOW_SERVED: {
    status: 409,
    message: 'The bundle is served already: in shadow it would be compared with itself.',
    next: 'Name another version; `minutehand models list` shows them.',
  },
  MODEL_TIMEFRAME: {
    status: 422,
    message: 'The bundle was trained on bars of another timeframe.',
    next: 'Train on the timeframes of the configured pairs or instruments.',
  },
  MODEL_SYMBOLS: {
    status: 422,
    message: 'Formulas of the models read the bars of a symbol that the daemon does not get.',
    next: 'Add the symbol to `instruments` of minutehand.yaml and feed its bars, or train without these formulas.',
  },
  COMPARISON_IMPOSSIBLE: {
    status: 422,
    message:
      'The bars of a training lack what the active models read, so that new ones could not be compared with them.',
    next: 'Import what is missing, or train into a folder of its own (`--out`).',
  },
  KERNEL_MISSING: {
    status: 500,
    message: 'A WebAssembly program is missing or damaged.',
    next: 'Run `npm run build`; until then onnxruntime scores.',
  },
  NEWS_ZONE: {
    status: 422,
    message: 'The events of the calendar are on another clock than was said, so nothing was stored.',
    next: 'Give the clock of the file with --timezone. To take its times as they are: --trust-clock.',
  },
  NEWS_FORMAT: {
    status: 422,
    message: 'The file is no economic calendar.',
    next: 'A CSV has columns for time (UTC), currency, importance and name: docs/guides/NEWS.md#files.',
  },
  NEWS_CLOCK: {
    status: 409,
    message: 'The clock of the terminal’s machine is off: the times of its calendar would be wrong.',
    next: 'Set both clocks by NTP, with their time zones; the advisor sends the calendar again within the hour.',
  },
  NEWS_STALE: {
    status: 409,
    message: 'The economic calendar does not reach far enough ahead: news_stop stops nothing that it does not know.',
    next: 'Let the expert advisor send it (InpNews), or import a newer file: `minutehand news import <file>`.',
  },
  HALTS_FORMAT: {
    status: 422,
    message: 'models/halts.json cannot be used.',
    next: 'Halts stay; `minutehand models resume all` lifts them.',
  },
  STOPS_UNREAD: {
    status: 503,
    message: 'The stops in models/halts.json cannot be read: nothing is entered until they can.',
    next: 'Mend what keeps it from being read: permissions, disk, mount, or descriptors of the process. Entries return by themselves.',
  },
  COMMAND_LATE: {
    status: 409,
    message: 'Entries were stopped after this command was sent; nothing was lifted.',
    next: 'Send it again if the new stop is to be lifted as well.',
  },
  STOP_OF_ALL: {
    status: 409,
    message: 'All subjects are stopped, which is not lifted for some of them.',
    next: 'Resume all, then stop those that are to stay stopped.',
  },
  HALTS_SIGNATURE: {
    status: 409,
    message: 'halts.json lifts halts, and no trusted key has signed that: they stay.',
    next: 'Find out who wrote it; lift them by `minutehand models resume` or `minutehand resume` with MINUTEHAND_SIGNING_KEY.',
  },
  HALTS_LOST: {
    status: 409,
    message: 'models/halts.json lacks an active halt; the halt stays.',
    next: '`minutehand models resume <pair>`, or `all`, lifts it; `minutehand resume` what a person stopped.',
  },
  MODEL_IN_USE: {
    status: 409,
    message: 'The bundle is active, its predecessor, or the shadow.',
    next: 'First load another bundle, or end the shadow.',
  },
  SETTING_UNSUPPORTED: {
    status: 422,
    message: 'A requested setting is not supported.',
    next: 'Omit it, or give a value that is expected.',
  },
  FEATURES_REFUSED: {
    status: 422,
    message: 'The feature row does not match the active models.',
    next: 'Names, order and hash: GET /api/ml/models/current.',
  },
  SCORES_UNKNOWN: {
    status: 404,
    message: 'This subject has no signal yet.',
    next: 'Wait for the next bar; see `minutehand status`.',
  },
  BACKTEST_UNKNOWN: {
    status: 404,
    message: 'No such backtest.',
    next: 'GET /api/backtests lists them.',
  },
  JOB_UNKNOWN: {
    status: 404,
    message: 'There is no job with this number in this market.',
    next: '`minutehand jobs list` and GET /api/jobs list them.',
  },
  JOB_NO_RESULT: {
    status: 404,
    message: 'The job has no result.',
    next: '`minutehand jobs show` and GET /api/jobs/{job_id} show how far it is, or how it ended; POST /api/jobs queues it again.',
  },
  JOBS_TOO_MANY: {
    status: 429,
    message: 'Too many jobs wait already.',
    next: 'Wait until some are done, or cancel them.',
  },
  JOB_ENDED: {
    status: 409,
    message: 'The job has ended.',
    next: '`minutehand jobs show` and GET /api/jobs/{job_id} show how.',
  },
  BACKTEST_ENDED: {
    status: 409,
    message: 'The backtest has ended.',
    next: 'GET /api/backtests shows how.',
  },
  BACKTESTS_TOO_MANY: {
    status: 429,
    message: 'Too many backtests are waiting.',
    next: 'Wait, or cancel one.',
  },
  CHANGES_TOO_MANY: {
    status: 429,
    message: 'Too many changes are open.',
    next: 'Approve or reject some: `minutehand policy list`.',
  },
  CHANGE_SECRET: {
    status: 422,
    message: 'A proposed change holds a secret, which would stay in the history of the configuration.',
    next: 'Propose the address without it, and set the full one as MINUTEHAND_REDIS_URL or MINUTEHAND_LEASE_URL.',
  },
  CHANGE_UNKNOWN: {
    status: 404,
    message: 'No such change request, or not in this state.',
    next: 'See `minutehand policy list`, or the page Changes.',
  },
  CHANGE_OWN: {
    status: 403,
    message: 'Its proposer cannot approve a change.',
    next: 'Ask another approver. To work alone, set `change_two_person_rule` to false: in retrain_policy.yaml before the first applied change, later by a change that a second login approves (`minutehand token create`).',
  },
  CHANGE_CONFLICT: {
    status: 409,
    message: 'The configuration has changed since the proposal.',
    next: 'Propose it again from the current values.',
  },
  CHANGE_UNAPPROVED: {
    status: 409,
    message: 'The configuration repository has unapproved commits.',
    next: 'Revert them, and propose a change instead.',
  },
  CHANGE_DIRTY: {
    status: 409,
    message: 'The configuration folder has uncommitted changes.',
    next: 'Commit and push, or discard them; then try again.',
  },
  GIT_MISSING: {
    status: 503,
    message: 'The program git is missing.',
    next: 'Install git (`apt-get install git`).',
  },
  GIT_FAILED: {
    status: 502,
    message: 'A git command failed.',
    next: 'Correct the named problem.',
  },
  PULL_REQUEST_FAILED: {
    status: 502,
    message: 'The Git host refused the pull request.',
    next: 'Check MINUTEHAND_POLICY_TOKEN and its permissions.',
  },
  MODEL_EXISTS: {
    status: 409,
    message: 'Another bundle has this version.',
    next: 'Remove or rename one of them.',
  },
  LEARNER_MISSING: {
    status: 404,
    message: 'The engine’s library or program was not found.',
    next: 'Install it: `minutehand learners list` says how. Or use gbdt.',
  },
  LEARNER_TASK: {
    status: 422,
    message: 'The engine does not support this task.',
    next: 'Use the engine gbdt.',
  },
  LEARNER_MEMORY: {
    status: 507,
    message: 'Not enough memory for training.',
    next: 'Use fewer rows, columns or leaves.',
  },
  LEARNER_THREAD: {
    status: 500,
    message: 'A learner thread ended early.',
    next: 'Try again, or with fewer threads or rows.',
  },
  LEARNER_PROCESS: {
    status: 500,
    message: 'The process of a task ended early.',
    next: 'Try again. If it was killed (SIGKILL), look at the memory of its machine: the kernel ends the largest.',
  },
  LEARNER_FAILED: {
    status: 500,
    message: 'The engine’s library or program reported an error.',
    next: 'Check parameters and data, or use gbdt.',
  },
  LEARNER_INSTALL: {
    status: 500,
    message: 'The environment of the networks was not installed.',
    next: 'Look at the lines of pip, or name a folder of wheels: `minutehand learners install --wheels FOLDER`.',
  },
  WARM_START_REFUSED: {
    status: 422,
    message: 'The active models cannot be warm-started.',
    next: 'Train in full: `minutehand train` without --warm-start.',
  },
  SEARCH_JOURNAL: {
    status: 422,
    message: 'The search journal is damaged or of another search.',
    next: 'Remove it, or use its settings.',
  },
  HOLDOUT_SEARCHED: {
    status: 409,
    message: 'A search of rules has already chosen on bars of this holdout.',
    next: 'Begin the holdout where that search ended, or later: --holdout-from.',
  },
  PAPER_DIFFERS: {
    status: 409,
    message: 'The paper account has other decisions than rule and bars give now.',
    next: 'Use the rule and the first bar that it was begun with, or another --out.',
  },
  RETRAIN_RUNNING: {
    status: 409,
    message: 'The same training run, or a full one that includes it, is in progress or waits already.',
    next: 'Wait (GET /runs), or stop it (POST /retrain/cancel).',
  },
  RUNS_TOO_MANY: {
    status: 429,
    message: 'Too many training runs wait already.',
    next: 'Wait until some have ended, or take one out: `minutehand runs cancel 12`, POST /retrain/cancel?run=12.',
  },
  RETRAIN_IDLE: {
    status: 409,
    message: 'No such training run is in progress or waits.',
    next: 'See GET /runs.',
  },
  RETRAIN_KIND: {
    status: 400,
    message: 'Unknown kind of training run.',
    next: 'Send ?kind=full, incremental (warm start), thresholds (θ2) or direction.',
  },
  TRAINER_ABSENT: {
    status: 503,
    message: 'No trainer responds.',
    next: 'Start `minutehand trainer`, or set MINUTEHAND_TRAINER_PORT.',
  },
  JOURNAL_WRITE: {
    status: 500,
    message: 'The journal could not be written.',
    next: 'Check disk space and permissions of MINUTEHAND_HOME.',
  },
  WARM_UP_WAITS: {
    status: 503,
    message: 'The journal lacks the last bars, so formulas over them cannot be computed yet.',
    next: 'Check disk space and permissions of MINUTEHAND_HOME: the models are loaded once the journal is written again.',
  },
  JOURNAL_FULL: {
    status: 503,
    message: 'The journal cannot be written, and the buffer is full.',
    next: 'Check disk space and permissions of MINUTEHAND_HOME, then resend the bars.',
  },
  JOURNAL_READ: {
    status: 500,
    message: 'A daemon’s journal cannot be read.',
    next: 'Check disk and permissions of MINUTEHAND_HOME.',
  },
  JOURNAL_DAMAGED: {
    status: 500,
    message: 'The journal is damaged, or violates its own rules.',
    next: 'Stop all and remove its -wal and -shm, which belong to the damaged file; restore it from a backup, or move it away too, and start: history then comes from the feed.',
  },
  DATABASE_DAMAGED: {
    status: 500,
    message: 'An SQLite file of this installation is damaged.',
    next: 'Stop daemon and trainer; `sqlite3 <file> "PRAGMA integrity_check"` names the file. Remove its -wal and -shm, then restore it from a backup, or move it away.',
  },
  DISK_FULL: {
    status: 507,
    message: 'The disk is full.',
    next: 'Free space (`df -h`); where there is some, inodes (`df -i`) are used up. Then try again.',
  },
  FILE_DENIED: {
    status: 500,
    message: 'The system lets this user not read or write a file or folder.',
    next: 'Run the command as the user whom it belongs to, or give this user the right to it.',
  },
  FILE_REPLACED: {
    status: 500,
    message: 'A file in use was deleted or replaced; what is written since then is in no file.',
    next: 'Stop daemon and trainer, put the file back, from a backup if need be, and start them.',
  },
  FOLDER_UNUSABLE: {
    status: 500,
    message: 'A folder in use is missing, was replaced, or cannot be read or written.',
    next: 'Put it back, mount its file system, or mend its permissions; if it was replaced on purpose, restart.',
  },
  REDIS_DOWN: {
    status: 503,
    message: 'Redis was in use and does not answer.',
    next: 'Start it, or check the network; `minutehand doctor` tries it. Signals go out by the other transports.',
  },
  REDIS_TAKEN: {
    status: 409,
    message: 'Another installation publishes into this Redis.',
    next: 'Give each its own Redis or database number (`transports.redis.url`), or stop the other one.',
  },
  EXCHANGE_TAKEN: {
    status: 409,
    message: 'Another home writes into this exchange folder.',
    next: 'Give each home its own MINUTEHAND_EXCHANGE. If the other home is gone, delete `signals/owner.json`.',
  },
  NOT_FOLLOWED: {
    status: 503,
    message: 'An account does not follow the signals.',
    next: '`minutehand status` names the account, and what keeps it.',
  },
  EXCHANGE_LINK: {
    status: 409,
    message: 'A link of another user stood in the exchange folder, and was removed.',
    next: 'Find out who put it there: through it, signals would have been written, or fills read, elsewhere.',
  },
  CLOCK_STEPPED: {
    status: 500,
    message: 'The clock of this machine was set.',
    next: 'Check it against another machine; let NTP keep it.',
  },
  CLOCK_DIFFERS: {
    status: 500,
    message: 'The clocks of this machine and of the lease server differ.',
    next: 'Correct the wrong one (NTP).',
  },
  FILES_EXHAUSTED: {
    status: 503,
    message: 'The process may not open more files.',
    next: 'Raise the limit: `ulimit -n 4096` in a shell, LimitNOFILE= in a systemd unit.',
  },
  PUBLISH_FILE: {
    status: 500,
    message: 'A signal file could not be written.',
    next: 'Check disk space and permissions of the signals folder.',
  },
  PUBLISH_REDIS: {
    status: 500,
    message: 'Redis refuses signals.',
    next: 'File and WebSocket continue; `minutehand doctor` shows the refused command.',
  },
  PUBLISH_WEBSOCKET: {
    status: 500,
    message: 'WebSocket did not accept the signals.',
    next: 'File and Redis continue; if it repeats, restart the daemon.',
  },
  PAIR_UNKNOWN: {
    status: 404,
    message: 'No such pair or instrument is configured.',
    next: 'Use one of config/minutehand.yaml, such as XAUUSD_XAGUSD or BTCUSDT@1h; `minutehand status` lists them.',
  },
  SUBSCRIPTION_MALFORMED: {
    status: 400,
    message: 'The message is not a subscription.',
    next: 'Send {"subscribe": ["XAUUSD_XAGUSD"]} or {"unsubscribe": ["XAUUSD_XAGUSD"]}.',
  },
  SIGNAL_FORMAT: {
    status: 422,
    message: 'The signal’s fields violate the contract.',
    next: 'Do not trade on it; see docs/reference/PROTOCOL.md#what-a-consumer-checks.',
  },
  SIGNAL_PAIR: {
    status: 422,
    message: 'The signal is of another pair than the folder or key that holds it.',
    next: 'Do not trade on it: find out who has put it there.',
  },
  SIGNAL_CRC: {
    status: 422,
    message: 'The checksum does not match.',
    next: 'Do not trade on it.',
  },
  SIGNAL_STALE: {
    status: 422,
    message: 'The signal has expired.',
    next: 'Do not trade on it; check daemon and bars.',
  },
  FILL_FORMAT: {
    status: 422,
    message: 'The line is not a fill.',
    next: 'Correct the program; see docs/reference/PROTOCOL.md#fills.',
  },
  FILL_SCHEMA: {
    status: 422,
    message: 'The fill has another schema.',
    next: 'Use this version’s expert advisor.',
  },
  FILL_TOO_LONG: {
    status: 413,
    message: 'The line is too long.',
    next: 'Check that nothing else writes to result.json.',
  },
  FILL_CONFLICT: {
    status: 409,
    message: 'An earlier fill has the same account, signal, leg, ticket and kind.',
    next: 'Give every paper program its own tickets.',
  },
  ARCHIVE_UNREACHABLE: {
    status: 503,
    message: 'The archive does not respond.',
    next: 'Check the mount, or endpoint, region and network. It is retried.',
  },
  ARCHIVE_REFUSED: {
    status: 403,
    message: 'No permission for the archive.',
    next: 'Check permissions, or bucket name and AWS credentials.',
  },
  ARCHIVE_FULL: {
    status: 507,
    message: 'The archive is full.',
    next: 'Free space, or change archive_path. It is retried.',
  },
  ARCHIVE_DAMAGED: {
    status: 422,
    message: 'An archive file differs from what was written.',
    next: 'Restore it, or move that day’s files away and run `minutehand signals archive`.',
  },
  ARCHIVE_MISSING: {
    status: 404,
    message: 'The archive lacks this.',
    next: 'See `minutehand signals days`.',
  },
  ARCHIVE_DAY_OPEN: {
    status: 409,
    message: 'The day is not over yet.',
    next: 'Wait for its end in UTC.',
  },
  ARCHIVE_RUNNING: {
    status: 409,
    message: 'Another process is archiving.',
    next: 'Wait; see `minutehand signals days`.',
  },
  DELIVERY_UNREACHABLE: {
    status: 503,
    message: 'The server of the delivery does not respond.',
    next: 'Check delivery_target, the network and the server. It is retried.',
  },
  DELIVERY_REFUSED: {
    status: 403,
    message: 'The server of the delivery refuses the key or the access.',
    next: 'SFTP: check MINUTEHAND_SFTP_KEY, authorized_keys and the permissions of the folder there; S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the bucket and its policy.',
  },
  DELIVERY_HOST_KEY: {
    status: 403,
    message: 'The SFTP server has another host key than the pinned ones; nothing was sent.',
    next: 'Find out why it changed. If it is right, put the fingerprint of `ssh-keygen -lf` into delivery_host_keys.',
  },
  DELIVERY_DAMAGED: {
    status: 422,
    message: 'Delivered models differ from what was sent.',
    next: 'The sender repairs them; try again. If it stays, check the disk of that machine.',
  },
  DELIVERY_FOREIGN: {
    status: 409,
    message: 'Another installation delivers into this folder.',
    next: 'Use a separate folder for each sender; if the other installation is gone, delete delivery.json there.',
  },
  DELIVERY_MISSING: {
    status: 404,
    message: 'The folder has no delivery.',
    next: 'Give the folder of delivery_target; wait until the sender has finished its first delivery.',
  },
  EA_STATE: {
    status: 422,
    message: 'A pair’s saved state cannot be used; its positions are unknown.',
    next: 'Close the pair’s positions by hand, then delete the file.',
  },
  DAEMON_KILLED: {
    status: 500,
    message: 'The daemon ended without being stopped: it was killed, ran out of memory, or the machine lost power.',
    next: 'Look for the reason: `journalctl -k` (out of memory), the log of whatever starts it. At most one signal of each pair is missing.',
  },
  PROCESS_ENDED: {
    status: 500,
    message: 'A process ended right after its start.',
    next: 'See the lines above, and the logs.',
  },
  SERVICE_UNSUPPORTED: {
    status: 500,
    message: 'This machine has neither systemd nor the Task Scheduler of Windows.',
    next: 'See docs/guides/OPERATE.md#without-systemd, or use --root <folder>.',
  },
  SERVICE_RIGHTS: {
    status: 403,
    message: 'Services need root.',
    next: 'Use sudo, or --dry-run.',
  },
  TERMINAL_ABSENT: {
    status: 404,
    message: 'There is no MetaTrader 5 terminal here.',
    next: 'Start MetaTrader 5 once, or name its folder (File, Open Data Folder) with --data-folder.',
  },
  SERVICE_PLACE: {
    status: 422,
    message: 'Services cannot read the program, or Node, in a home folder.',
    next: 'Use /opt/minutehand (sudo cp -a) and a system Node such as /usr/bin/node.',
  },
  SERVICE_ABSENT: {
    status: 404,
    message: 'minutehand is not installed as a service.',
    next: 'Run `sudo npx minutehand service install`.',
  },
  SERVICE_COMMAND: {
    status: 500,
    message: 'A system command failed.',
    next: 'See its output and `journalctl -b -u "minutehand-*"`, then repeat the command.',
  },
  OUTPUT_UNWRITABLE: {
    status: 500,
    message: 'The output file cannot be written.',
    next: 'Use an existing, writable folder.',
  },
  EXPLAIN_NO_SIGNAL: {
    status: 404,
    message: 'The journal has no signal of this pair or instrument for this bar.',
    next: 'See the closes in `minutehand signals list --pairs <pair or instrument>`.',
  },
  EXPLAIN_DIFFERS: {
    status: 409,
    message: 'The recomputed minute differs from the published one.',
    next: 'Use configuration, code and bars of that day; see `minutehand replay --journal`.',
  },
  EXPLAIN_NO_COVER: {
    status: 409,
    message: 'The models lack the row counts that contributions need.',
    next: 'Trees of an earlier version have them when they are trained again; ensembles, networks and linear models have no contributions.',
  },
  USAGE: {
    status: 400,
    message: 'Wrong usage of the command.',
    next: 'See --help.',
  },
} as const satisfies Record<string, { status: number; message: string; next: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetail {
  /** The value found, e.g. `high 1.2 < low 1.3`. */
  seen?: string;
  /** The expected value, where the message does not state it already. */
  expected?: string;
  /** A more specific next step than the table's. */
  next?: string;
  /** Of MODEL_GATES: the failed gates. */
  gates?: readonly ErrorGate[];
  cause?: unknown;
}

/** A failed gate as data: `FailedGate` of shared/bundle/gates/gate_result.ts. */
export interface ErrorGate {
  readonly code: string;
}

/** An error a user can act on. Everything else that is thrown is a defect of ours. */
export class MinutehandError extends Error {
  readonly code: ErrorCode;
  readonly seen: string | undefined;
  readonly expected: string | undefined;
  readonly next: string;
  readonly gates: readonly ErrorGate[] | undefined;

  /** Secrets in the detail are replaced: errors are shown, logged and stored. */
  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    const parts: string[] = [ERRORS[code].message];
    const seen = detail.seen === undefined ? undefined : maskSecrets(detail.seen);
    const expected = detail.expected === undefined ? undefined : maskSecrets(detail.expected);
    if (seen !== undefined) parts.push(`Seen: ${seen}.`);
    if (expected !== undefined) parts.push(`Expected: ${expected}.`);
    super(parts.join(' '), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'MinutehandError';
    this.code = code;
    this.seen = seen;
    this.expected = expected;
    this.next = effectiveAdvice(detail.next ?? ERRORS[code].next);
    this.gates = detail.gates;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** What another thread or process makes an equal error of, but for its cause and gates. */
  get detail(): Omit<ErrorDetail, 'cause' | 'gates'> {
    const { seen, expected, next } = this;
    return { ...(seen !== undefined && { seen }), ...(expected !== undefined && { expected }), next };
  }

  toJSON(): ErrorReport {
    const { code, message, next, gates } = this;
    return { code, message, next, ...(gates !== undefined && { gates }) };
  }
}

export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  /** The next step. */
  readonly next: string;
  /** Of MODEL_GATES. */
  readonly gates?: readonly ErrorGate[] | undefined;
}

/** Errors of the system and of SQLite that have a next step, by the beginning of their code. */
const SYSTEM_CODES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['EMFILE', 'FILES_EXHAUSTED'],
  ['ENFILE', 'FILES_EXHAUSTED'],
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_CORRUPT', 'DATABASE_DAMAGED'],
  ['SQLITE_NOTADB', 'DATABASE_DAMAGED'],
];
const MAX_CAUSES = 10;

/**
 * The error that a user can act on: the thrown one, or the state of the machine that caused it.
 * @returns null for a defect
 */
export function knownError(error: unknown): MinutehandError | null {
  if (error instanceof MinutehandError) return error;
  let cause: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const { code, message } = cause as { readonly code?: unknown; readonly message: string };
    const found = typeof code === 'string' ? SYSTEM_CODES.find(([prefix]) => code.startsWith(prefix)) : undefined;
    if (found !== undefined) {
      const next = diskNext(cause);
      return new MinutehandError(found[1], { seen: message, ...(next !== null && { next }), cause: error });
    }
    const next = serverNext(code);
    if (next !== undefined)
      return new MinutehandError('STORE_UNUSABLE', { seen: message, ...(next !== null && { next }), cause: error });
    const denied = deniedPath(cause);
    if (denied !== null)
      return new MinutehandError('FILE_DENIED', { seen: `${denied} (${String(code)})`, cause: error });
    if (code === 'ERR_MODULE_NOT_FOUND' && isOwnChunk(message))
      return new MinutehandError('PROGRAM_REPLACED', { seen: message, cause: error });
    const missing = code === 'ERR_MODULE_NOT_FOUND' ? missingPackage(message) : null;
    if (missing !== null)
      return new MinutehandError('NOT_INSTALLED', {
        seen: `no ${missing}`,
        next: 'Run `npm run tools` here: benchmarks and generated documents need more packages than the programs.',
        cause: error,
      });
    cause = cause.cause;
  }
  return null;
}

/** What mends a disk that takes nothing more although it has room; null: room is what it lacks, or it does not say. */
function diskNext(error: Error): string | null {
  const { code, path } = error as { code?: string; path?: unknown };
  if (code === 'EDQUOT')
    return 'The quota of this user is used up (`quota -s`): remove files of this user there, or let an administrator raise it.';
  if (code !== 'ENOSPC' || typeof path !== 'string') return null;
  try {
    const { bavail, files, ffree } = statfsSync(dirname(path));
    if (bavail > 0 && files > 0 && ffree === 0)
      return 'No inode is left there (`df -i`), although bytes are free: remove files, however small, or folders of many.';
  } catch {
    // The folder is gone.
  }
  return null;
}

/** The file or folder that this user may not use; null: it is another error, such as of a port. */
export function deniedPath(error: unknown): string | null {
  const { code, path, syscall } = error as { code?: unknown; path?: unknown; syscall?: unknown };
  const isDenied = (code === 'EACCES' || code === 'EPERM') && syscall !== 'connect' && syscall !== 'listen';
  return isDenied && typeof path === 'string' ? path : null;
}

/** Whether a file of the compiled program is missing, rather than a package. */
function isOwnChunk(message: string): boolean {
  return message.startsWith("Cannot find module '") && /[/\\]dist[/\\]bundle[/\\]/.test(message);
}

/** The package that Node has not found; null where a file is missing. */
function missingPackage(message: string): string | null {
  return /^Cannot find package '([^']+)'/.exec(message)?.[1] ?? null;
}

/** An error as plain data, of which another thread or process makes an equal one, but for its cause and gates. */
export interface ErrorParts {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;
}

export function errorParts(error: unknown): ErrorParts {
  const known = knownError(error);
  if (known === null) return { code: 'INTERNAL', detail: { seen: describeError(error).message } };
  return { code: known.code, detail: known.detail };
}

/** The error as `{code, message, next}`, for any thrown value. */
export function describeError(error: unknown): ErrorReport {
  const known = knownError(error);
  if (known !== null) return known.toJSON();
  const message = maskSecrets(error instanceof Error ? error.message : String(error));
  return { code: 'INTERNAL', message: `${ERRORS.INTERNAL.message} ${message}`, next: ERRORS.INTERNAL.next };
}
