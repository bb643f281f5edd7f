import type * as z from 'zod';
import { CHANNEL_VARIABLES } from '../notification_channels.ts';
import { libraryOf, NATIVE_ENGINES } from './engines.ts';
import { OVERRIDABLE } from './schema.ts';
import type { ConfigPart } from './schema.ts';
import { nearest } from './spelling.ts';

/** An environment variable that wins over a value of a file. */
export interface Override {
  readonly variable: string;
  readonly part: ConfigPart;
  readonly path: readonly string[];
  readonly schema: z.ZodType;
  readonly meaning: string;
  /** The text of the variable as a value, to be checked by `schema`. */
  read(text: string): unknown;
}

const asNumber = (text: string): unknown => (/^\d{1,9}$/.test(text) ? Number(text) : text);
const asText = (text: string): string => text;
const asList = (text: string): string[] => text.split(',').map((name) => name.trim());

export const OVERRIDES: readonly Override[] = [
  {
    variable: 'MINUTEHAND_MARKET',
    part: 'minutehand',
    path: ['market'],
    schema: OVERRIDABLE.market,
    meaning: 'Source of bars.',
    read: asText,
  },
  {
    variable: 'MINUTEHAND_DAEMON_PORT',
    part: 'minutehand',
    path: ['transports', 'daemon', 'port'],
    schema: OVERRIDABLE.port,
    meaning: 'Port of daemons whose shard has none.',
    read: asNumber,
  },
  {
    variable: 'MINUTEHAND_TRAINER_PORT',
    part: 'minutehand',
    path: ['transports', 'trainer', 'port'],
    schema: OVERRIDABLE.port,
    meaning: 'Port of the trainer.',
    read: asNumber,
  },
  ...(['daemon', 'trainer'] as const).flatMap((process): Override[] => [
    {
      variable: `MINUTEHAND_${process.toUpperCase()}_HOST`,
      part: 'minutehand',
      path: ['transports', process, 'host'],
      schema: OVERRIDABLE.host,
      meaning: `Address that the ${process} listens on; 0.0.0.0 in a container whose port is published.`,
      read: asText,
    },
    {
      variable: `MINUTEHAND_${process.toUpperCase()}_ALLOWED_HOSTS`,
      part: 'minutehand',
      path: ['transports', process, 'allowed_hosts'],
      schema: OVERRIDABLE.allowedHosts,
      meaning: `Names, separated by commas, by which other machines or containers call the ${process}.`,
      read: asList,
    },
  ]),
  {
    variable: 'MINUTEHAND_REDIS_URL',
    part: 'minutehand',
    path: ['transports', 'redis', 'url'],
    schema: OVERRIDABLE.redisUrl,
    meaning: 'URL of Redis.',
    read: asText,
  },
  {
    variable: 'MINUTEHAND_LEASE_URL',
    part: 'minutehand',
    path: ['lease', 'url'],
    schema: OVERRIDABLE.leaseUrl,
    meaning: 'URL of the lease server.',
    read: asText,
  },
  {
    variable: 'ARCHIVE_TARGET',
    part: 'signals',
    path: ['archive_target'],
    schema: OVERRIDABLE.archiveTarget,
    meaning: 'Kind of archive.',
    read: asText,
  },
];

/** Names the program of the learner `program`. */
export const LEARNER_PROGRAM = 'MINUTEHAND_LEARNER_PROGRAM';
/** Names a Python that has the packages of the networks. */
export const NETWORKS_PYTHON = 'MINUTEHAND_NETWORKS_PYTHON';
/** Limits of learner programs, the networks included. */
export const LEARNER_MEMORY = 'MINUTEHAND_LEARNER_MEMORY_MB';
export const LEARNER_HOURS = 'MINUTEHAND_LEARNER_HOURS';
export const LEARNER_NETWORK = 'MINUTEHAND_LEARNER_NETWORK';

/** Variables for locations. They are read before any file. */
export const PLACES: readonly { readonly variable: string; readonly meaning: string }[] = [
  { variable: 'MINUTEHAND_CONFIG', meaning: 'Configuration folder; else `config/`.' },
  {
    variable: 'MINUTEHAND_HOME',
    meaning: 'Folder of run-time data and `models/`; else `var/` and `models/`.',
  },
  {
    variable: 'MINUTEHAND_EXCHANGE',
    meaning: 'Folder of `signals` and `ea`, shared with MetaTrader; else MINUTEHAND_HOME.',
  },
  { variable: 'MINUTEHAND_CCXT', meaning: 'Folder of ccxt, for `minutehand collect`.' },
  { variable: 'MINUTEHAND_LOG', meaning: 'Folder of the logs; else `log/` in MINUTEHAND_HOME.' },
  ...NATIVE_ENGINES.map((engine) => {
    const { variable, product, files } = libraryOf(engine);
    const meaning = `File of ${product}’s library (\`${files.linux.at(-1)!}\`); else searched for.`;
    return { variable, meaning };
  }),
  {
    variable: LEARNER_PROGRAM,
    meaning: 'Program of the engine `program`: a file, or a JSON list of a program and its arguments.',
  },
  {
    variable: NETWORKS_PYTHON,
    meaning: 'Python with the packages of the networks; else the one that `minutehand learners install` makes.',
  },
  {
    variable: LEARNER_MEMORY,
    meaning: 'Memory in MB beyond which a learner program is ended (Linux); else half of the machine’s.',
  },
  { variable: LEARNER_HOURS, meaning: 'Hours after which a fit of a learner program is ended; else 24.' },
  {
    variable: LEARNER_NETWORK,
    meaning: '`on`: a learner program may use the network; else it is cut off where Linux allows it.',
  },
  {
    variable: 'MINUTEHAND_DATABASE_URL',
    meaning: 'PostgreSQL of the trainer’s store, `postgres://…`; else SQLite `trainer.db`.',
  },
  {
    variable: 'MINUTEHAND_FEATURES_URL',
    meaning: 'PostgreSQL of the tables that `retrain_features: table:…` names, `postgres://…`; else that of the store.',
  },
  {
    variable: 'MINUTEHAND_QUEUE',
    meaning:
      'Where trainings put their fits: `embedded` (workers of this machine) or `bullmq` (Redis); else threads of their own.',
  },
  {
    variable: 'MINUTEHAND_BLOBS',
    meaning: 'Data and results of the fleet: a folder or `s3://bucket/prefix?region=…&endpoint=https://…`.',
  },
  {
    variable: 'MINUTEHAND_FLEET',
    meaning:
      'Name of the fleet: trainers and workers of another name in the same Redis and bucket are not seen; else the one without a name.',
  },
  {
    variable: 'MINUTEHAND_SIGNING_KEY',
    meaning: 'PEM file of the Ed25519 private key that signs new bundles.',
  },
  {
    variable: 'MINUTEHAND_TRUSTED_KEYS',
    meaning: 'PEM file of trusted Ed25519 public keys; else any bundle is accepted.',
  },
  {
    variable: 'MINUTEHAND_ACTIVE_EXPIRY_DAYS',
    meaning: 'Days after which an active.json is refused; else never.',
  },
  {
    variable: 'MINUTEHAND_SFTP_KEY',
    meaning: 'File of the private SSH key, without a passphrase, for delivery_target.',
  },
  ...CHANNEL_VARIABLES.map(({ variable, meaning }) => ({ variable, meaning })),
  { variable: 'MINUTEHAND_MODELS_WEBHOOK_URL', meaning: 'Webhook for events of models.' },
  { variable: 'MINUTEHAND_HEARTBEAT_URL', meaning: 'Dead-man’s switch, requested each minute while all is well.' },
  {
    variable: 'MINUTEHAND_CHANGE_REASON',
    meaning: '`reason` in `audit.config_changes`.',
  },
  {
    variable: 'MINUTEHAND_POLICY_REPOSITORY',
    meaning:
      'Git repository of the configuration, a path or URL; else that of its folder, else one in MINUTEHAND_HOME.',
  },
  { variable: 'MINUTEHAND_POLICY_TOKEN', meaning: 'GitHub or GitLab token: changes open pull requests.' },
  { variable: 'MINUTEHAND_POLICY_API', meaning: 'URL of that API, if not github.com’s or gitlab.com’s.' },
  {
    variable: 'MINUTEHAND_TOKEN',
    meaning: 'Bearer token for feeders of bars on other machines; else they are refused.',
  },
  {
    variable: 'MINUTEHAND_TRAINER_TOKEN',
    meaning: 'Bearer token for the trainer’s own endpoints from other machines; else they are refused.',
  },
];

/** Set by the programs for each other. */
const INTERNAL = /^MINUTEHAND_(PROGRESS|JOB|STORE_WAIT_MS|UMASK|ACTOR)$/;
/** Set by the tests, whose runner sets NODE_ENV; without it they have no effect. */
const OF_TESTS = /^MINUTEHAND_TEST_[A-Z_]+$/;
const isTest = ({ NODE_ENV }: NodeJS.ProcessEnv): boolean => NODE_ENV === 'test';

/** Time after which a worker or an owner counts as lost, ms, where tests do not wait for it; null: the usual one. */
export function leaseOfTests(env: NodeJS.ProcessEnv): number | null {
  const { MINUTEHAND_TEST_LEASE_MS: leaseMs } = env;
  return leaseMs === undefined || !isTest(env) ? null : Number(leaseMs);
}
const MAX_EDITS = 2;

/** A variable that nothing reads, and the known name closest to it, or those that have all of its words. */
export interface UnknownVariable {
  readonly variable: string;
  readonly nearest: string;
}

/**
 * Variables that look like minutehand's and are not: every unknown `MINUTEHAND_*`, and every name within two edits of a
 * known one.
 */
export function unknownVariables(env: NodeJS.ProcessEnv = process.env): UnknownVariable[] {
  const known = [...PLACES, ...OVERRIDES].map(({ variable }) => variable);
  return Object.keys(env).flatMap((variable) => {
    if (known.includes(variable) || INTERNAL.test(variable)) return [];
    if (isTest(env) && OF_TESTS.test(variable)) return [];
    const closest = nearest(variable, known)!;
    if (closest.edits <= MAX_EDITS) return [{ variable, nearest: closest.word }];
    if (!variable.startsWith('MINUTEHAND_')) return [];
    // MINUTEHAND_PORT: that of the daemon, or that of the trainer.
    const wider = known.filter((name) => variable.split('_').every((word) => name.split('_').includes(word)));
    return [{ variable, nearest: wider.length === 0 ? closest.word : wider.join(' or ') }];
  });
}

/** `MINUTEHAND_MARKE is not a variable of minutehand and has no effect (did you mean "MINUTEHAND_MARKET"?)` */
export function unknownVariableText({ variable, nearest: word }: UnknownVariable): string {
  return `${variable} is not a variable of minutehand and has no effect (did you mean "${word}"?)`;
}
