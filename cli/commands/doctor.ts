import { accessSync, constants, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { readAddress } from '../../shared/address.ts';
import { counted } from '../../shared/counted.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { followerFaults } from '../../shared/fill/followers.ts';
import { earlierText } from '../../shared/core/recent_history.ts';
import { parseSubject, symbolsOf } from '../../shared/pair.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { setAside, setAsideText } from '../../shared/policy/set_aside.ts';
import { nearConfiguredWarnings } from '../../shared/policy/near_configured.ts';
import { barIntervalMs, inspectSettings, shardsOf, type Settings } from '../../shared/policy/policy.ts';
import { makePrivateFolder } from '../../shared/private_files.ts';
import { isSupportedNode, NODE_MAJOR } from '../../shared/node_version.ts';
import { packageRoot } from '../../shared/root.ts';
import { problemsError, problemText } from '../../shared/policy/problem.ts';
import type { ServerOptions } from '../../daemon/serve/server.ts';
import { loadUwebsockets } from '../../daemon/serve/uwebsockets.ts';
import { NATIVE_ENGINES, type NativeEngine } from '../../shared/policy/engines.ts';
import { librariesFrom } from '../../trainer/learning/learners/trees/engines/engine_library.ts';
import { findEngine } from '../../trainer/learning/learners/trees/engines/engines.ts';
import { feedVerdicts, refusedFeeds } from '../../trainer/jobs/bars/received_verdicts.ts';
import { readRecentBars } from '../../trainer/jobs/bars/recent_bars.ts';
import { endWithChecks, printChecks, type CheckResult } from '../check_result.ts';
import { checkEnvironment } from '../environment_check.ts';
import { synchronizedWarnings, warningsOfPlaces } from '../../shared/windows_places.ts';
import { checkActiveModels } from '../strategies/registry.ts';
import { isLocked } from '../../shared/process/home_lock.ts';
import { mt5Compilation } from '../mt5_compilation.ts';
import type { Output } from '../output.ts';
import { checkStore } from '../store_check.ts';
import { lookAtDaemon, type DaemonState } from '../status/daemon_state.ts';
import { expiredPairs, ofDaemon } from '../status/findings.ts';
import { maskSecrets } from '../../shared/secrets.ts';
import { connectionProblem } from '../../shared/redis/redis_address.ts';
import { checkLease } from './doctor_lease.ts';
import { tryRedis } from './doctor_redis.ts';
import { activeHalts, haltText } from './models_resume.ts';
import { isPlainMail } from '../../shared/notification_channels.ts';

const MIN_FREE_BYTES = 1e9;
/** Of a shard, as advised. */
const MAX_PAIRS = 10;

export function addDoctor(program: Command, output: () => Output): void {
  program
    .command('doctor')
    .description(
      'Checks Node, native parts, configuration, home folder, disk, store, ports, Redis, the lease server, the active models, the halts, the recent history of each symbol, the running daemons and the accounts that follow them, and names the next step for each problem. Exit code 1 when something must be fixed.',
    )
    .action(() => runDoctor(output()));
}

async function runDoctor(output: Output): Promise<void> {
  const findings: CheckResult[] = [
    node(),
    await native('onnxruntime-node', () => import('../../shared/bundle/onnxruntime.ts')),
    await native('better-sqlite3', () => import('../../shared/store/sqlite.ts')),
  ];
  const { settings, problems } = inspectSettings();
  const wanted = settings?.minutehand.transports.daemon.engine ?? 'auto';
  findings.push(serverEngine(wanted), ...NATIVE_ENGINES.map(learningEngine));
  const paths = homePaths();
  if (settings === null) {
    findings.push({ what: 'configuration', verdict: 'error', detail: problemsError(problems).message });
  } else {
    findings.push({
      what: 'configuration',
      verdict: 'ok',
      detail: `${settings.sources.configDir}, market ${settings.minutehand.market}, policy_hash ${settings.policyHash}`,
    });
    const aside = setAside(settings);
    if (aside !== null) findings.push({ what: 'configuration', verdict: 'warning', detail: setAsideText(aside) });
    findings.push(
      ...nearConfiguredWarnings(settings).map((detail): CheckResult => ({
        what: 'symbols',
        verdict: 'warning',
        detail,
      })),
    );
    if (problems.length > 0)
      findings.push({ what: 'features', verdict: 'error', detail: problemsError(problems).message });
    findings.push(
      ...(await ports(settings, paths)),
      ...shards(settings),
      await port('trainer port', settings.minutehand.transports.trainer, 'trainer', paths),
    );
    const lease = await checkLease(settings, paths);
    if (lease !== null) findings.push({ what: 'lease', ...lease });
    findings.push(await redis(settings), ...(await checkActiveModels(settings, paths)));
    findings.push(halts(paths), await history(settings, paths), ...(await receivedBars(settings, paths)));
    findings.push(...(await runningDaemons(settings, paths)), ...accounts(settings, paths));
  }
  findings.push(...mail(), ...environment(), home(paths), ...places(paths), await checkStore(paths), expertAdvisor());
  printChecks(findings, output);
  output.result({ ok: endWithChecks(findings), findings });
}

function node(): CheckResult {
  const isRight = isSupportedNode(process.versions.node);
  return {
    what: 'node',
    verdict: isRight ? 'ok' : 'warning',
    detail: `${process.versions.node}${isRight ? '' : `, tested: ${NODE_MAJOR}`}, ${process.platform} ${process.arch}`,
  };
}

async function native(name: string, load: () => Promise<unknown>): Promise<CheckResult> {
  try {
    await load();
    return { what: name, verdict: 'ok', detail: 'loads' };
  } catch (error) {
    const { message, next } = describeError(error);
    const isKnown = error instanceof MinutehandError;
    return { what: name, verdict: 'error', detail: `${message} ${isKnown ? next : 'Run npm ci, then npm run build.'}` };
  }
}

/** The server engine that this configuration leads to. @param wanted the configured engine */
function serverEngine(wanted: ServerOptions['engine']): CheckResult {
  const what = 'server engine';
  if (wanted === 'ws') return { what, verdict: 'ok', detail: 'ws and node:http, as configured' };
  try {
    loadUwebsockets();
    return { what, verdict: 'ok', detail: 'uWebSockets.js' };
  } catch (error) {
    const { message, next } = describeError(error);
    if (wanted === 'uwebsockets') return { what, verdict: 'error', detail: `${message} ${next}` };
    return { what, verdict: 'ok', detail: `ws and node:http. ${message} ${next}` };
  }
}

function learningEngine(engine: NativeEngine): CheckResult {
  try {
    const { path, version } = findEngine(engine);
    return { what: engine, verdict: 'ok', detail: `${version ?? 'of unknown version'}, ${path}` };
  } catch (error) {
    const { message, next } = describeError(error);
    const isNamed = librariesFrom()[engine] !== null;
    return { what: engine, verdict: 'warning', detail: `${isNamed ? message : 'not found.'} ${next}` };
  }
}

function ports({ minutehand }: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const { host } = minutehand.transports.daemon;
  const all = shardsOf(minutehand);
  return Promise.all(
    all.map(({ name, port: number }) =>
      port(all.length === 1 ? 'daemon port' : `port of ${name}`, { host, port: number }, `daemon_${name}`, paths),
    ),
  );
}

/** A warning for each shard that is larger than advised: its pairs share one thread and fail together. */
function shards({ minutehand }: Settings): CheckResult[] {
  return shardsOf(minutehand).flatMap(({ name, pairs }): CheckResult[] => {
    if (pairs.length <= MAX_PAIRS) return [];
    const detail = `shard ${name} has ${pairs.length} pairs; 5 to ${MAX_PAIRS} are advised, see docs/guides/OPERATE.md#shards`;
    return [{ what: 'shards', verdict: 'warning', detail }];
  });
}

/** @param kind of the process that the port is for, as in the names of its lock and its address */
async function port(
  what: string,
  { host, port: number }: { host: string; port: number },
  kind: string,
  paths: HomePaths,
): Promise<CheckResult> {
  if (number === 0) return { what, verdict: 'ok', detail: 'a free one' };
  const code = await new Promise<string | null>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: number, exclusive: true }, () => server.close(() => resolve(null)));
  });
  if (code === null) return { what, verdict: 'ok', detail: `${host}:${number} is free` };
  const own = readAddress(paths.address(kind));
  if (own !== null && own.port === number && isLocked(paths.lock(kind)))
    return { what, verdict: 'ok', detail: `${host}:${number}, used by this minutehand (process ${own.pid})` };
  return { what, verdict: 'warning', detail: `${host}:${number} is in use by another program (${code})` };
}

async function redis({ minutehand }: Settings): Promise<CheckResult> {
  const { url, enabled } = minutehand.transports.redis;
  const shown = maskSecrets(url);
  if (enabled === 'off') return { what: 'redis', verdict: 'ok', detail: 'off by configuration' };
  try {
    const { refusals, eviction } = await tryRedis(minutehand.transports.redis, minutehand.market);
    if (refusals.length === 0 && eviction !== null)
      return { what: 'redis', verdict: 'warning', detail: `takes signals at ${shown}, but ${eviction}` };
    if (refusals.length === 0) return { what: 'redis', verdict: 'ok', detail: `takes signals at ${shown}` };
    const refused = refusals.map(({ command, words }) => `${command}: ${words}`).join('; ');
    const next = [...new Set(refusals.map((refusal) => refusal.next))].join(' ');
    return {
      what: 'redis',
      verdict: 'error',
      detail: `answers at ${shown} and refuses ${maskSecrets(refused)}. ${next}`,
    };
  } catch (error) {
    return {
      what: 'redis',
      verdict: 'warning',
      detail: `does not answer at ${shown} (${maskSecrets(connectionProblem(error as Error))}); file and WebSocket work without it`,
    };
  }
}

/** Warns where the connection to the mail server is not encrypted: its password and the alerts could be read. */
function mail(): CheckResult[] {
  if (!isPlainMail(process.env['MINUTEHAND_SMTP_URL'] ?? '')) return [];
  const detail =
    'MINUTEHAND_SMTP_URL allows plain text: passwords and alerts can be read on the way. Leave requireTLS out';
  return [{ what: 'mail server', verdict: 'warning', detail }];
}

function halts(paths: HomePaths): CheckResult {
  try {
    const active = activeHalts(paths.models);
    if (active.length === 0) return { what: 'halts', verdict: 'ok', detail: 'no pair is halted by its live KPIs' };
    return {
      what: 'halts',
      verdict: 'warning',
      detail: `${active.map(haltText).join('; ')}. \`minutehand models resume <pair>\` lifts it`,
    };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { what: 'halts', verdict: 'error', detail: `${code}: ${message} ${next}` };
  }
}

/** Whether each symbol has the recent bars that make it ready and that training needs. */
async function history(settings: Settings, paths: HomePaths): Promise<CheckResult> {
  const what = 'history';
  const { pairs, instruments, market, train } = settings.minutehand;
  const wanted = symbolsOf([...pairs, ...instruments].map(parseSubject));
  try {
    const found = new Map((await readRecentBars(settings, paths, train.min_bars)).map((one) => [one.symbol, one]));
    const short = wanted.flatMap((symbol) => {
      const own = found.get(symbol);
      if (own !== undefined && own.bars >= train.min_bars) return [];
      const earlier = own === undefined ? '' : earlierText(own);
      return `${symbol} ${own?.bars ?? 0}${earlier === '' ? '' : ` (${earlier})`}`;
    });
    if (short.length === 0)
      return {
        what,
        verdict: 'ok',
        detail: `${train.min_bars} recent bars or more of each of ${wanted.length} symbols`,
      };
    const next =
      market === 'live'
        ? '`minutehand bars import` adds history up to now'
        : 'a simulated market delivers its history when the daemon starts';
    return {
      what,
      verdict: 'warning',
      detail: `fewer recent bars than the ${train.min_bars} that training needs: ${short.join(', ')}; ${next}`,
    };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { what, verdict: 'warning', detail: `${code}: ${message} ${next}` };
  }
}

/** What the newest bars that the daemons received show about themselves; nothing where none came from outside. */
async function receivedBars(settings: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const what = 'received bars';
  try {
    const judged = await feedVerdicts(settings, paths);
    if (judged.length === 0) return [];
    const refused = refusedFeeds(judged);
    if (refused.length === 0)
      return [{ what, verdict: 'ok', detail: `nothing is wrong with those of ${counted(judged.length, 'symbol')}` }];
    const texts = refused.map(({ text }) => text).join('; ');
    return [
      {
        what,
        verdict: 'warning',
        detail: `an import would refuse them: ${texts}. Mend the feeder; \`minutehand bars check\``,
      },
    ];
  } catch (error) {
    const { code, message, next } = describeError(error);
    return [{ what, verdict: 'warning', detail: `${code}: ${message} ${next}` }];
  }
}

/** The expert advisor is not part of the installation; minutehand works without it. */
function expertAdvisor(): CheckResult {
  const { state, detail } = mt5Compilation(packageRoot());
  return { what: 'expert advisor', verdict: state === 'compiled' ? 'ok' : 'warning', detail };
}

function environment(): CheckResult[] {
  const { problems, warnings } = checkEnvironment();
  const what = 'environment';
  return [
    ...problems.map((problem): CheckResult => ({ what, verdict: 'error', detail: problemText(problem) })),
    ...warnings.map((detail): CheckResult => ({ what, verdict: 'warning', detail })),
  ];
}

/** Reports of the daemons of this home; none where none runs. */
async function runningDaemons(settings: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const shardsOfHome = shardsOf(settings.minutehand);
  const daemons = await Promise.all(shardsOfHome.map((shard) => lookAtDaemon(settings, paths, shard)));
  return daemons.filter(({ presence }) => presence !== 'down').map((daemon) => daemonFinding(settings, daemon));
}

/** Reasons why accounts do not follow the signals; none when all of them follow. */
function accounts(settings: Settings, paths: HomePaths): CheckResult[] {
  return followerFaults(paths, barIntervalMs(settings), Date.now()).map(
    ({ about, text, next, isProblem }): CheckResult => ({
      what: about,
      verdict: isProblem ? 'error' : 'warning',
      detail: `${text} ${next}`,
    }),
  );
}

/** An error where no consumer can act on the signals; what else is wrong is a warning here. */
function daemonFinding(settings: Settings, daemon: DaemonState): CheckResult {
  const what = `daemon ${daemon.shard}`;
  const problems = ofDaemon(settings, daemon, Date.now()).filter(({ weight }) => weight === 'problem');
  if (problems.length === 0) return { what, verdict: 'ok', detail: `runs, ${daemon.health?.status}` };
  const isUseless =
    daemon.health !== null && (daemon.health.late_bars !== null || expiredPairs(daemon.health).length > 0);
  const detail = problems.map(({ text, next }) => `${text} ${next}`).join('; ');
  return { what, verdict: isUseless ? 'error' : 'warning', detail };
}

/** Warns of folders that a program synchronizes, that are on another machine, or whose paths are too long. */
function places(paths: HomePaths): CheckResult[] {
  const what = 'folders';
  const isWindows = process.platform === 'win32';
  const synchronized = synchronizedWarnings([
    ['The home', paths.home],
    ['The exchange folder', dirname(paths.signals)],
  ]);
  const warnings = [...warningsOfPlaces(paths), ...synchronized];
  if (warnings.length === 0 && !isWindows) return [];
  if (warnings.length === 0) return [{ what, verdict: 'ok', detail: 'not in OneDrive, and paths are short enough' }];
  return warnings.map((detail): CheckResult => ({ what, verdict: 'warning', detail }));
}

function home({ home: folder }: HomePaths): CheckResult {
  try {
    makePrivateFolder(folder);
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    const isRoomy = bavail * bsize >= MIN_FREE_BYTES;
    return {
      what: 'home',
      verdict: isRoomy ? 'ok' : 'warning',
      detail: `${folder}, ${((bavail * bsize) / 1e9).toFixed(1)} GB free`,
    };
  } catch (error) {
    return { what: 'home', verdict: 'error', detail: `${folder}: ${describeError(error).message}` };
  }
}
