/**
 * The one table of error codes. API answers, CLI messages, logs and docs/reference/ERRORS.md all read it. Every entry
 * states the error and the next step; the thrower adds what was seen and what was expected.
 */
export const ERRORS = {
  BAR_MALFORMED: {
    status: 400,
    message: 'The bar is not an object with the expected fields.',
    next: 'Send {symbol, time, open, high, low, close, volume}; see docs/reference/PROTOCOL.md#bars.',
  },
  BAR_NOT_FINITE: {
    status: 422,
    message: 'A number of the bar is NaN, infinite or missing.',
    next: 'Drop the bar at its source, or send the minute as empty.',
  },
  BAR_NOT_POSITIVE: {
    status: 422,
    message: 'A price is zero or negative, or a volume is negative.',
    next: 'Check the source: prices are > 0, volume is >= 0 (0 means unknown).',
  },
  BAR_RANGE: {
    status: 422,
    message: 'high and low do not enclose open and close.',
    next: 'Check the column order of the source: open, high, low, close.',
  },
  BAR_OFF_MINUTE: {
    status: 422,
    message: 'The time is not the open of a UTC minute.',
    next: 'Send the bar open: ISO 8601 or epoch milliseconds, a whole minute.',
  },
  BAR_TIME_RANGE: {
    status: 422,
    message: 'The time is before 1970 or after 2100.',
    next: 'Write every time of the file in the same unit; epoch times are seconds.',
  },
  BAR_DST_GAP: {
    status: 422,
    message:
      'The local time does not exist: it is in the gap when daylight saving time begins in this time zone (DST gap).',
    next: 'Give the zone of the file with --timezone.',
  },
  BAR_FUTURE: {
    status: 422,
    message: 'The bar has not closed yet by the clock of this machine.',
    next: 'Check both clocks (NTP) and that times are UTC, not the broker’s server time.',
  },
  BARS_LATE: {
    status: 422,
    message: 'Live bars arrive so late that every signal is expired at publication.',
    next: 'Send `time` as the bar open in UTC; check both clocks (NTP) and whether the data is delayed. Send history with ?backfill=1.',
  },
  BAR_UNKNOWN_SYMBOL: {
    status: 422,
    message: 'No configured pair uses this symbol.',
    next: 'Add the symbol and its pair to config/minutehand.yaml.',
  },
  BAR_OUT_OF_ORDER: {
    status: 409,
    message: 'A newer bar of this symbol was already accepted.',
    next: 'Send bars of a symbol in ascending order; history belongs before live bars (?backfill=1).',
  },
  BAR_REVISED: {
    status: 409,
    message: 'Another bar for this symbol and minute was already accepted.',
    next: 'Revisions are refused.',
  },
  BAR_TOO_MANY: { status: 413, message: 'Too many bars in one request.', next: 'Send fewer bars per request.' },
  BODY_TOO_LARGE: { status: 413, message: 'The request body is too large.', next: 'Send fewer bars per request.' },
  BODIES_TOO_MANY: {
    status: 503,
    message: 'Unfinished requests take too much memory; the longest idle ones were refused.',
    next: 'Send the request again, whole and at once.',
  },
  CONNECTIONS_TOO_MANY: {
    status: 503,
    message: 'Too many WebSocket connections to this address.',
    next: 'Close some of them, or send more bars over one.',
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
  STREAM_TRIMMED: {
    status: 500,
    message: 'Entries were removed from the stream minutehand:bars before the daemon had read them.',
    next: 'Their minutes enter no feature. Keep more entries: XADD with a greater MAXLEN.',
  },
  STREAM_REFUSED: {
    status: 500,
    message: 'Redis does not let the daemon read bars from the stream minutehand:bars.',
    next: 'Allow its user +xread +xrange +xinfo ~minutehand:bars; the key must be a stream. Bars by HTTP are taken.',
  },
  BOOT_CHANGED: {
    status: 409,
    message: 'The daemon was restarted since the boot of the request; no bar was taken.',
    next: 'Send the last hours with ?backfill=1, then continue with the new boot_id.',
  },
  FEED_CLOSED: {
    status: 409,
    message: 'This daemon takes no bars from outside: its market is simulated or a replay.',
    next: 'Start it with --market live to send real bars.',
  },
  UNAUTHORIZED: {
    status: 401,
    message: 'This request is accepted from this machine only, or with the bearer token.',
    next: 'Send `Authorization: Bearer <MINUTEHAND_TOKEN>`; daemon and trainer read the same variable.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    message: 'The Origin header names a web page of another site.',
    next: 'Use a page of this machine, or add its host name to allowed_hosts in config/minutehand.yaml.',
  },
  HOST_REFUSED: {
    status: 403,
    message: 'The Host header names another server.',
    next: 'Use localhost or 127.0.0.1, or add the host name to allowed_hosts in config/minutehand.yaml.',
  },
  HTTP_MALFORMED: {
    status: 400,
    message: 'The request is not valid HTTP/1.1.',
    next: 'Use plain HTTP (no TLS) with one Content-Length or chunks.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    message: 'The headers of the request are too large.',
    next: 'Send fewer or shorter headers; 16 KiB are accepted.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    message: 'The request did not arrive in time.',
    next: 'Send it again; a request has to be complete within 30 s.',
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
    next: 'Look into the log; if it repeats, report it with the log line.',
  },
  PORT_TAKEN: {
    status: 500,
    message: 'The port is in use by another program.',
    next: 'Stop the other program, or choose a port (MINUTEHAND_DAEMON_PORT, MINUTEHAND_TRAINER_PORT; 0 = a free one).',
  },
  ADDRESS_UNUSABLE: {
    status: 500,
    message: 'The server cannot listen at this address.',
    next: 'Use a host of this machine (127.0.0.1, 0.0.0.0) and a port from 1024 on, or 0 = a free one.',
  },
  ENGINE_MISSING: {
    status: 500,
    message: 'uWebSockets.js cannot be loaded on this machine.',
    next: 'Use the engine `auto` or `ws`, or install the uWebSockets.js release for this Node; see README.md.',
  },
  NODE_UNSUPPORTED: {
    status: 500,
    message: 'This version of Node is not supported.',
    next: 'Use Node 24, Node 22 from 22.14 on, or Node 20 from 20.15 on: https://nodejs.org, or with a version manager: nvm install 24.',
  },
  NOT_INSTALLED: {
    status: 500,
    message: 'The packages that package-lock.json names are not installed in this folder.',
    next: 'Run `npm start` or `npm run build` here. No other command installs anything.',
  },
  NODE_MISMATCH: {
    status: 500,
    message: 'The packages in node_modules were installed for another version of Node or another machine.',
    next: 'Use that Node, or run `npm run build` with this one. No other command installs anything.',
  },
  SQLITE_MISSING: {
    status: 500,
    message: 'SQLite (better-sqlite3) does not load with this version of Node.',
    next: 'Run `npm run build` with this Node, in the folder of the program.',
  },
  UPGRADE_REQUIRED: {
    status: 426,
    message: 'The endpoint takes WebSocket only.',
    next: 'Connect with a WebSocket client (version 13); see docs/reference/PROTOCOL.md#endpoints.',
  },
  STOPPING: { status: 503, message: 'The process is shutting down.', next: 'Connect again when it is back.' },
  HOME_LOCKED: {
    status: 500,
    message: 'Another process of the same kind works on this MINUTEHAND_HOME.',
    next: 'Stop it first, or set another MINUTEHAND_HOME.',
  },
  HOME_UNUSABLE: {
    status: 500,
    message: 'The folder of run-time data cannot be used.',
    next: 'Check that MINUTEHAND_HOME is a folder this user may write to.',
  },
  CONFIG_MISSING: {
    status: 500,
    message: 'A configuration file is missing.',
    next: 'Restore it from the repository, or point MINUTEHAND_CONFIG at the right folder.',
  },
  CONFIG_SYNTAX: {
    status: 500,
    message: 'A configuration file is not valid YAML.',
    next: 'Correct the line that is named.',
  },
  CONFIG_UNKNOWN_KEY: {
    status: 500,
    message: 'A configuration file has a key that does not exist.',
    next: 'Correct the spelling, or remove the key.',
  },
  CONFIG_INVALID: {
    status: 500,
    message: 'A configuration value is not allowed.',
    next: 'Correct the value; `minutehand config show` prints the values in effect.',
  },
  DATA_MISSING: {
    status: 404,
    message: 'The requested data does not exist.',
    next: 'Check the folder: one SYMBOL.csv or SYMBOL.csv.gz per symbol.',
  },
  DATA_FORMAT: {
    status: 422,
    message: 'A data file is not in the expected layout.',
    next: 'The header is time,open,high,low,close,volume[,spread]; time is epoch seconds of the bar open, UTC.',
  },
  CLOCK_MISMATCH: {
    status: 422,
    message: 'On this time zone the trading weeks of the file open at wrong hours.',
    next: 'Give the zone that fits with --timezone, or skip the check with --trust-clock.',
  },
  ALERT_UNKNOWN: {
    status: 404,
    message: 'There is no such open alert.',
    next: '`minutehand alerts list` shows the open ones with their keys and numbers.',
  },
  CHANNELS_MISSING: {
    status: 500,
    message: 'No channel for notifications has an address.',
    next: 'Set MINUTEHAND_SLACK_URL, MINUTEHAND_DISCORD_URL, MINUTEHAND_PAGERDUTY_KEY, MINUTEHAND_WEBHOOK_URL or MINUTEHAND_SMTP_URL.',
  },
  STORE_UNUSABLE: {
    status: 500,
    message: 'The trainer’s store cannot be used.',
    next: 'Check MINUTEHAND_DATABASE_URL and the server, or that MINUTEHAND_HOME is a folder this user may write to.',
  },
  TABLE_FORMAT: {
    status: 422,
    message: 'A table is not in the expected form.',
    next: 'Give CSV: a header, commas between cells, numbers in feature columns.',
  },
  TABLE_SCHEMA: {
    status: 422,
    message: 'A table has other feature columns than the configuration.',
    next: 'Write it again by this configuration: `minutehand dataset export`; docs/reference/FEATURES.md has the columns.',
  },
  DATA_TOO_SHORT: {
    status: 422,
    message: 'There is not enough data.',
    next: 'Give a longer period, or fewer windows.',
  },
  MODEL_MISSING: {
    status: 404,
    message: 'There is no such model bundle, or a file of it is missing.',
    next: '`minutehand models list` shows what is there; `minutehand train` makes a new one.',
  },
  MODEL_FILE: {
    status: 422,
    message: 'A file of the models folder is not read: it is not a regular file, or it is too large.',
    next: 'Restore the original file; pipes, devices and links in a bundle are refused. `minutehand models promote` rewrites active.json.',
  },
  MODEL_MANIFEST: {
    status: 422,
    message: 'The manifest of the bundle is not valid.',
    next: 'Train again, or restore the bundle from a copy.',
  },
  MODEL_HASH: {
    status: 422,
    message: 'A file of the bundle is not the one that was trained (sha256 differs).',
    next: 'Restore the bundle from a copy, or train again.',
  },
  MODEL_SIGNATURE: {
    status: 422,
    message: 'No trusted key has signed the bundle.',
    next: 'If its origin is trusted, sign it: `minutehand models sign <version>` with MINUTEHAND_SIGNING_KEY; see docs/guides/OPERATE.md#the-key-that-signs-bundles.',
  },
  KEY_UNUSABLE: {
    status: 422,
    message: 'A key for signing bundles, or for trusting them, cannot be used.',
    next: 'MINUTEHAND_SIGNING_KEY names a PEM file with an Ed25519 private key, MINUTEHAND_TRUSTED_KEYS one with public keys; `openssl genpkey -algorithm ed25519` makes one.',
  },
  MODEL_SCHEMA: {
    status: 422,
    message: 'The bundle was trained on other features than this daemon computes.',
    next: 'Train again with this version and configuration.',
  },
  MODEL_LOAD: {
    status: 422,
    message: 'The ONNX file could not be loaded.',
    next: 'Train again, or restore the bundle from a copy.',
  },
  MODEL_EXPORT: {
    status: 500,
    message: 'onnxruntime answers otherwise than the model that was learned.',
    next: 'Nothing was written; report it with the command and, if possible, the table.',
  },
  MODEL_GOLDEN: {
    status: 422,
    message: 'The model does not reproduce its golden answers.',
    next: 'Do not use this bundle; train again on this machine and compare.',
  },
  MODEL_OUTPUT: {
    status: 500,
    message: 'A model answered with a value outside [0, 1].',
    next: 'The set was dropped; train again.',
  },
  MODEL_SLOW: {
    status: 500,
    message: 'A model set was too slow twice in a row.',
    next: 'The set was dropped; train fewer trees, or raise inference.slow_ms if the machine is slow.',
  },
  MODEL_SIMULATED: {
    status: 422,
    message: 'The bundle was trained on a simulated market; a live daemon does not use it.',
    next: 'Train on real bars: `minutehand train --data <folder>`.',
  },
  KERNEL_MISSING: {
    status: 500,
    message: 'A compiled WebAssembly program (the scorer or the learner) is missing or damaged.',
    next: 'Build it: `npm run build`. Until then the daemon scores with onnxruntime.',
  },
  HALTS_FORMAT: {
    status: 422,
    message: 'The file of halted pairs cannot be used.',
    next: '`minutehand models resume all` writes a new one in which nothing is halted under the active version; until then, what was halted stays so.',
  },
  HALTS_LOST: {
    status: 409,
    message: 'models/halts.json no longer names an active halt that was not lifted. The halt stays.',
    next: 'Lift it with `minutehand models resume <pair>`, or `all`, while its model version is active.',
  },
  MODEL_EXISTS: {
    status: 409,
    message: 'Another bundle has this version already.',
    next: 'Remove or rename one of the two folders.',
  },
  LEARNER_MISSING: {
    status: 404,
    message: 'The library of this learning engine was not found on this machine.',
    next: 'Install it, or name its file (MINUTEHAND_LIGHTGBM_LIBRARY, MINUTEHAND_XGBOOST_LIBRARY); the engine gbdt needs none.',
  },
  LEARNER_TASK: {
    status: 422,
    message: 'This learning engine cannot learn this task.',
    next: 'Use the engine gbdt, which learns every task.',
  },
  LEARNER_MEMORY: {
    status: 507,
    message: 'The memory that learning needs cannot be had.',
    next: 'Give fewer rows or columns, or fewer leaves.',
  },
  LEARNER_THREAD: {
    status: 500,
    message: 'A thread of the learner ended before its work was done.',
    next: 'Try again, with fewer threads or rows if the machine is short of memory.',
  },
  LEARNER_FAILED: {
    status: 500,
    message: 'The library of the learning engine reported an error.',
    next: 'Check the parameters and the data; the engine gbdt needs no library.',
  },
  WARM_START_REFUSED: {
    status: 422,
    message: 'The active models cannot be warm-started.',
    next: 'Train in full: `minutehand train` without --warm-start.',
  },
  SEARCH_JOURNAL: {
    status: 422,
    message: 'The journal of a search is damaged, or belongs to another search.',
    next: 'Remove the file, or use its settings.',
  },
  RETRAIN_RUNNING: {
    status: 409,
    message: 'A training run is under way.',
    next: 'Wait for it to end: GET /runs shows its stage. POST /retrain/cancel stops it.',
  },
  RETRAIN_IDLE: {
    status: 409,
    message: 'No training run is under way here.',
    next: 'There is nothing to stop; GET /runs shows what has been.',
  },
  RETRAIN_KIND: {
    status: 400,
    message: 'The kind of a training run is full, incremental or thresholds.',
    next: 'Send POST /retrain?kind=full, ?kind=incremental to warm-start from the active models, or ?kind=thresholds to search θ2 again.',
  },
  TRAINER_ABSENT: {
    status: 503,
    message: 'No trainer answers.',
    next: 'Start one with `minutehand up` or `minutehand trainer`, or set MINUTEHAND_TRAINER_PORT to its port.',
  },
  JOURNAL_WRITE: {
    status: 500,
    message: 'The journal could not be written.',
    next: 'Check disk space and permissions of MINUTEHAND_HOME.',
  },
  JOURNAL_FULL: {
    status: 503,
    message: 'The journal could not be written for so long that no more bars can wait in memory.',
    next: 'Check disk space and permissions of MINUTEHAND_HOME, then send the bars again.',
  },
  JOURNAL_READ: {
    status: 500,
    message: 'The journal of a daemon cannot be read.',
    next: 'Check the rights of MINUTEHAND_HOME and its disk. It is read again; other journals are copied meanwhile.',
  },
  JOURNAL_DAMAGED: {
    status: 500,
    message: 'The journal violates its own rules.',
    next: 'Keep a copy of the file, move it away and start again.',
  },
  PUBLISH_FILE: {
    status: 500,
    message: 'A signal file could not be written.',
    next: 'Check disk space and permissions of the signals folder.',
  },
  PUBLISH_REDIS: {
    status: 500,
    message: 'Redis refuses the signals, all of them or some.',
    next: 'File and WebSocket continue. Check the Redis server; `minutehand doctor` shows which command it refuses.',
  },
  PUBLISH_WEBSOCKET: {
    status: 500,
    message: 'The signals did not leave by WebSocket.',
    next: 'File and Redis continue; check the log, and restart the daemon if it repeats.',
  },
  PAIR_UNKNOWN: {
    status: 404,
    message: 'No such pair is configured.',
    next: 'Ask for one of the pairs of config/minutehand.yaml, written like XAUUSD_XAGUSD.',
  },
  SUBSCRIPTION_MALFORMED: {
    status: 400,
    message: 'The message is not a subscription.',
    next: 'Send {"subscribe": ["XAUUSD_XAGUSD"]} or {"unsubscribe": ["XAUUSD_XAGUSD"]}.',
  },
  SIGNAL_FORMAT: {
    status: 422,
    message: 'The signal is not one JSON object with the fields of the contract, in order.',
    next: 'Do not trade on it; see docs/reference/PROTOCOL.md#what-a-consumer-checks.',
  },
  SIGNAL_CRC: {
    status: 422,
    message: 'The checksum does not fit the text of the signal.',
    next: 'Do not trade on it: the text was changed or torn.',
  },
  SIGNAL_STALE: {
    status: 422,
    message: 'The signal has expired.',
    next: 'Do not trade on it; check that the daemon runs and receives bars.',
  },
  FILL_FORMAT: {
    status: 422,
    message: 'The line is not a fill: one JSON object with the fields of the contract.',
    next: 'Correct the program that wrote it; see docs/reference/PROTOCOL.md#fills. `minutehand trades check` lists the line.',
  },
  FILL_SCHEMA: {
    status: 422,
    message: 'The line is a fill of another contract.',
    next: 'Use the expert advisor that came with this minutehand.',
  },
  FILL_TOO_LONG: {
    status: 413,
    message: 'The line is longer than a fill can be.',
    next: 'Check that this file is a result.json and nothing else writes to it.',
  },
  FILL_CONFLICT: {
    status: 409,
    message: 'Another fill has the same account, signal, leg, ticket and kind; that one stays.',
    next: 'Give every program that trades on paper a ticket series of its own.',
  },
  ARCHIVE_UNREACHABLE: {
    status: 503,
    message: 'The archive does not answer, or is not there.',
    next: 'Check that the folder is mounted, or address, region and network of the bucket. It is tried again.',
  },
  ARCHIVE_REFUSED: {
    status: 403,
    message: 'The archive cannot be read or written with these rights.',
    next: 'Check the rights of the folder, or name of the bucket, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Nothing was deleted.',
  },
  ARCHIVE_FULL: {
    status: 507,
    message: 'The archive has no room left.',
    next: 'Make room, or name another place in archive_path. Nothing was deleted; it is tried again.',
  },
  ARCHIVE_DAMAGED: {
    status: 422,
    message: 'A file of the archive is not what was written.',
    next: 'Restore it from a copy, or if the history has the rows: move the files of that day away and run `minutehand signals archive`.',
  },
  ARCHIVE_MISSING: {
    status: 404,
    message: 'The archive does not have this.',
    next: '`minutehand signals days` shows what was archived, and where.',
  },
  ARCHIVE_DAY_OPEN: {
    status: 409,
    message: 'The day is not over yet.',
    next: 'A day is archived when it is over in UTC and all its signals have been copied.',
  },
  ARCHIVE_RUNNING: {
    status: 409,
    message: 'Another process is archiving.',
    next: 'Wait for it to end: the trainer archives by archive_cron, and `minutehand signals days` shows what is done.',
  },
  EA_STATE: {
    status: 422,
    message: 'The saved state of a pair cannot be used, so its positions are unknown.',
    next: 'Close by hand what the pair holds, then delete the file.',
  },
  PROCESS_ENDED: {
    status: 500,
    message: 'A process of minutehand ended right after its start.',
    next: 'Its last lines above show why; the log folder has the rest.',
  },
  SERVICE_UNSUPPORTED: {
    status: 500,
    message: 'This machine is not run by systemd.',
    next: 'Keep `minutehand up` running by what runs this machine; for Windows see docs/guides/OPERATE.md#without-systemd. --root <folder> writes the files for another machine.',
  },
  SERVICE_RIGHTS: {
    status: 403,
    message: 'Services of the machine are root’s.',
    next: 'Run it with sudo, or preview it with --dry-run.',
  },
  SERVICE_PLACE: {
    status: 422,
    message: 'A service would not see the program, or Node, where they are.',
    next: 'Copy the folder to /opt/minutehand (sudo cp -a), use a Node of the system such as /usr/bin/node, and run it from there.',
  },
  SERVICE_ABSENT: {
    status: 404,
    message: 'minutehand is not installed as a service here.',
    next: 'Install it: sudo npx minutehand service install',
  },
  SERVICE_COMMAND: {
    status: 500,
    message: 'A command of the system failed.',
    next: 'See its output and `journalctl -b -u "minutehand-*"`; then run the same command again: it resumes where it stopped.',
  },
  OUTPUT_UNWRITABLE: {
    status: 500,
    message: 'The output file cannot be written.',
    next: 'Name a file in a folder that exists and that you may write to.',
  },
  USAGE: {
    status: 400,
    message: 'The command was used in a way it does not understand.',
    next: 'Add --help for its arguments.',
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
  cause?: unknown;
}

/** An error a user can act on. Everything else that is thrown is a defect of ours. */
export class MinutehandError extends Error {
  readonly code: ErrorCode;
  readonly seen: string | undefined;
  readonly expected: string | undefined;
  readonly next: string;

  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    const parts: string[] = [ERRORS[code].message];
    if (detail.seen !== undefined) parts.push(`Seen: ${detail.seen}.`);
    if (detail.expected !== undefined) parts.push(`Expected: ${detail.expected}.`);
    super(parts.join(' '), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'MinutehandError';
    this.code = code;
    this.seen = detail.seen;
    this.expected = detail.expected;
    this.next = detail.next ?? ERRORS[code].next;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  toJSON(): { code: ErrorCode; message: string; next: string } {
    return { code: this.code, message: this.message, next: this.next };
  }
}

export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  /** The next step. */
  readonly next: string;
}

/** The error as `{code, message, next}`, for any thrown value. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof MinutehandError) return error.toJSON();
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message: `${ERRORS.INTERNAL.message} ${message}`, next: ERRORS.INTERNAL.next };
}
