import type { MarketKind } from '../../shared/signal/signal.ts';
import { ask } from '../../shared/outgoing.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { urlOf } from '../../shared/address.ts';
import { counted } from '../../shared/counted.ts';
import { activePath } from '../../shared/bundle/bundle.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { isLocked, waitForLock } from '../../shared/process/home_lock.ts';
import { lowerPriority } from '../../shared/process/process_priority.ts';
import { tellParts } from '../../shared/process/up_parts.ts';
import { allSignalsFile, loadSettings, shardSubjects, type Settings } from '../../shared/policy/policy.ts';
import { setAside, setAsideText } from '../../shared/policy/set_aside.ts';
import { launcher } from '../../shared/launcher.ts';
import type { Output } from '../output.ts';
import { maskSecrets, withoutPrivateKeys } from '../../shared/secrets.ts';
import { endUps, lockUp, runningUps, untilReplaced } from '../replace_up.ts';
import type { StopDoor } from '../stop_door.ts';
import { askToStop, stopSignal } from '../stop_signal.ts';
import { elsewhereTyped, typedWord } from '../typed_command.ts';
import { refuseOtherTables, storeUrl } from '../../trainer/store/store.ts';
import { applyMarket, marketOption, warnOfPlaces, type PartMessage } from './processes.ts';

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** A process that has lived this long is started again after the first pause. */
const LONG_LIFE_MS = 60_000;
/** Far more than the end of a process takes: it stores its journal and is gone. */
const KILL_AFTER_MS = 20_000;
/** Of the check that a process answers; together a minute, in which a trainer that computes answers. */
const HEALTH_EVERY_MS = 10_000;
const HEALTH_ANSWER_MS = 9000;
const MOST_FAILURES = 6;
const HOME_POLL_MS = 1000;
/** The daemon and the trainer of an `up` that was killed end by themselves: within a second on an idle machine. */
const ORPHANS_END_MS = 20_000;
const ORPHANS_POLL_MS = 100;
/** Characters of an error that other processes are told. */
const MAX_ERROR = 400;

export function addUp(program: Command, output: () => Output): void {
  program
    .command('up')
    .description(
      'Starts a daemon for each shard, the trainer and, on a simulated or replayed market, a paper account, shows their output, restarts one that ends, and stops all on Ctrl-C. A second start resumes. ' +
        'With --json it prints ports and folders once everything is ready.',
    )
    .option(
      '--replace',
      'upgrade without a missed bar: once the new daemons wait with everything loaded, the `up` that runs in this home ends and they go on; a plain start where none runs',
    )
    .option('--no-paper', 'no paper account beside a simulated or replayed market (setting: simulated.paper_account)')
    .addOption(marketOption())
    .action((flags: UpFlags) => {
      applyMarket(flags.market);
      return runUp(flags, output());
    });
}

export interface UpFlags {
  readonly market?: string;
  readonly paper: boolean;
  readonly replace?: true;
}

/** The paper account of a market that is not live, a folder below `<home>/ea`: named after the market. */
const paperNameOf = ({ minutehand }: Settings): string => minutehand.market;

interface Part {
  readonly kind: 'daemon' | 'trainer' | 'paper';
  readonly name: string;
  /** Of the command line. */
  readonly args: readonly string[];
  /** Of a daemon, else null. */
  readonly shard: string | null;
  child: ChildProcess | null;
  /** Whether it is to take over from a daemon that runs. */
  isSuccessor: boolean;
  /** Whether it has everything loaded, and waits for the end of that daemon. */
  isWaiting: boolean;
  /** Whether it was ready once. */
  isReady: boolean;
  /** null until it was ready for the first time, and of a paper account. */
  port: number | null;
  /** The last line of its error output that names an error code. */
  lastError: string;
  /** How it ended, until it is ready again. */
  ended: { readonly how: string; readonly since: string } | null;
}

interface Watch {
  /** Aborted when everything is to end. */
  readonly ending: AbortSignal;
  print(part: Part, line: string): void;
  /** One has ended, or is ready again. */
  onChange(): void;
  onReady(part: Part): void;
  onWaiting(): void;
  onFailure(error: MinutehandError): void;
}

export async function runUp({ paper, replace }: UpFlags, output: Output): Promise<void> {
  const stopping = stopSignal('up');
  warnOfPlaces(output);
  const settings = loadSettings();
  await refuseOtherTables(storeUrl(process.env, homePaths()));
  const aside = setAside(settings);
  if (aside !== null) output.note(`warning: ${setAsideText(aside)}`);
  const parts = partsOf(settings, paper);
  const predecessors = replace === true ? runningUps() : [];
  if (predecessors.length === 0) {
    await lockUp(replace === true);
    await orphansEnd(parts, output, stopping);
  }
  const ending = new AbortController();
  let onFailure: (error: MinutehandError) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (onFailure = reject));
  let onAllWaiting: () => void = () => undefined;
  const daemonsWait = new Promise<void>((resolve) => (onAllWaiting = resolve));
  let isTold = false;
  const width = Math.max(...parts.map(({ name }) => name.length), 'trainer '.length);
  const watch: Watch = {
    ending: ending.signal,
    print: ({ name }, line) => output.print(`${name.padEnd(width)}│ ${line}`),
    onChange: () =>
      tellParts(
        homePaths(),
        parts.map(({ name, kind, ended }) => ({
          name,
          account: kind === 'paper' ? paperNameOf(settings) : null,
          ended: ended?.how ?? null,
          since: ended?.since ?? null,
        })),
      ),
    onReady({ kind }) {
      // The daemon of a new shard has none to wait for.
      watch.onWaiting();
      // A paper account that cannot start, such as one whose folder is in use, holds nothing else up.
      if (parts.some(({ kind: of, isReady }) => of !== 'paper' && !isReady)) return;
      // Ports may have changed with a restart.
      if (!isTold || kind !== 'paper') output.print(whereToLook(settings, parts));
      if (!isTold) void sayLogin(settings, trainerOf(parts).port!, (line) => output.print(line));
      if (!isTold) output.result(placesOf(settings, parts));
      isTold = true;
    },
    onWaiting() {
      if (daemonsOf(parts).every(({ isWaiting, isReady }) => isWaiting || isReady)) onAllWaiting();
    },
    onFailure,
  };
  const ended: Promise<void>[] = [];
  const begin = (some: readonly Part[]): void => {
    ended.push(...some.map((part) => keepRunning(part, watch)));
    watch.onChange();
  };
  const start = async (): Promise<string> => {
    if (predecessors.length === 0) begin(parts);
    else await takeOver({ predecessors, parts, begin, daemonsWait, ending: ending.signal, output });
    return untilReplaced();
  };
  try {
    const reason = await Promise.race([stopping, failed, start()]);
    output.print(reason === 'SIGINT' ? 'Ctrl-C: ending …' : `${reason}: ending …`);
  } finally {
    ending.abort();
    for (const { child } of parts) if (child !== null) askToStop(child);
    const killing = setTimeout(() => {
      for (const { name, child } of parts) {
        if (child === null) continue;
        output.note(`${name} has not ended within ${KILL_AFTER_MS / 1000} s and is killed.`);
        child.kill('SIGKILL');
      }
    }, KILL_AFTER_MS);
    await Promise.all(ended);
    clearTimeout(killing);
  }
  output.print('All processes have ended. The next start resumes here.');
}

interface Succession {
  readonly predecessors: readonly StopDoor[];
  readonly parts: readonly Part[];
  begin(parts: readonly Part[]): void;
  readonly daemonsWait: Promise<void>;
  readonly ending: AbortSignal;
  readonly output: Output;
}

/** The daemons of this `up` go on where those of the one that runs end. Then all else starts. */
async function takeOver({ predecessors, parts, begin, daemonsWait, ending, output }: Succession): Promise<void> {
  const daemons = daemonsOf(parts);
  for (const daemon of daemons) daemon.isSuccessor = true;
  begin(daemons);
  await daemonsWait;
  output.print('The new daemons wait with everything loaded; the `up` that runs in this home ends …');
  for (const pid of await endUps(predecessors)) output.print(`Process ${pid} still runs: end it; this \`up\` waits.`);
  const unlock = await waitForLock(homePaths().lock('up'), ORPHANS_POLL_MS, ending);
  if (unlock !== null) begin(parts.filter((part) => !daemons.includes(part)));
}

/**
 * Waits for the processes of an earlier `up` that was killed: no other `up` runs now, and they end as soon as they
 * notice. A lock that is held for longer belongs to a process that was started separately; the part that needs it
 * reports HOME_LOCKED.
 */
async function orphansEnd(parts: readonly Part[], output: Output, stopping: Promise<unknown>): Promise<void> {
  const locks = parts.flatMap(({ kind, shard }) => {
    if (kind === 'daemon') return [homePaths().lock(`daemon_${shard}`)];
    return kind === 'trainer' ? [homePaths().lock('trainer')] : [];
  });
  if (!locks.some(isLocked)) return;
  output.print('Processes of an earlier start are still running; waiting for them to end …');
  const stopped = new AbortController();
  void stopping.then(() => stopped.abort());
  const ending = AbortSignal.any([stopped.signal, AbortSignal.timeout(ORPHANS_END_MS)]);
  for (const lock of locks) (await waitForLock(lock, ORPHANS_POLL_MS, ending))?.();
}

function partsOf(settings: Settings, isPaperWanted: boolean): Part[] {
  const { minutehand } = settings;
  const part = (kind: Part['kind'], name: string, args: readonly string[], shard: string | null = null): Part => ({
    kind,
    name,
    args,
    shard,
    child: null,
    isSuccessor: false,
    isWaiting: false,
    isReady: false,
    port: null,
    lastError: '',
    ended: null,
  });
  const { market, shards, pairs, simulated } = minutehand;
  const hasPaper = market !== 'live' && isPaperWanted && simulated.paper_account && pairs.length > 0;
  return [
    ...Object.keys(shards).map((shard) =>
      part('daemon', shard === 'main' ? 'daemon' : `daemon ${shard}`, ['daemon', '--shard', shard], shard),
    ),
    part('trainer', 'trainer', ['trainer']),
    ...(hasPaper ? [part('paper', 'paper', ['ea', '--name', paperNameOf(settings)])] : []),
  ];
}

const daemonsOf = (parts: readonly Part[]): readonly Part[] => parts.filter(({ kind }) => kind === 'daemon');
const trainerOf = (parts: readonly Part[]): Part => parts.find(({ kind }) => kind === 'trainer')!;

/**
 * Restarts a process whenever it ends, except a daemon or trainer that never became ready: it would only fail again. A
 * paper account is tried again, since the one that has its folder may end.
 */
async function keepRunning(part: Part, watch: Watch): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!watch.ending.aborted) {
    const startedMs = performance.now();
    const end = await runOnce(part, watch);
    if (watch.ending.aborted) return;
    if (!part.isReady && part.kind !== 'paper') {
      watch.onFailure(new MinutehandError('PROCESS_ENDED', { seen: `${part.name} ended with ${howOf(part, end)}` }));
      return;
    }
    part.ended = { how: howOf(part, end), since: part.ended?.since ?? new Date().toISOString() };
    watch.onChange();
    if (performance.now() - startedMs > LONG_LIFE_MS) pauseMs = FIRST_PAUSE_MS;
    watch.print(part, `ended with ${end}; it is started again in ${pauseMs / 1000} s.`);
    await sleep(pauseMs, undefined, { signal: watch.ending }).catch(() => undefined);
    await homeIsThere(part, watch);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
}

const howOf = ({ lastError }: Part, end: string): string =>
  lastError === '' ? end : `${end}; ${lastError.slice(0, MAX_ERROR).replace(/\.$/, '')}`;

/** A process would make a new home at its start, and the one that was moved away could not be moved back. */
async function homeIsThere(part: Part, watch: Watch): Promise<void> {
  const { home } = homePaths();
  if (existsSync(home)) return;
  watch.print(part, `waits until ${home} is back.`);
  while (!existsSync(home) && !watch.ending.aborted)
    await sleep(HOME_POLL_MS, undefined, { signal: watch.ending }).catch(() => undefined);
}

/**
 * Kills a process that listens and no longer answers, which is then started again: nobody else would notice a hang,
 * where neither systemd nor a container is around it. A standby listens only once it has taken over.
 * @param isListening whether this process has said that it listens
 * @returns ends it
 */
function endWhenSilent(part: Part, watch: Watch, isListening: () => boolean): () => void {
  let failures = 0;
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking || part.port === null || !isListening() || part.kind === 'paper') return;
    isAsking = true;
    // Any answer is one: what is wrong by its own account is no hang.
    void ask(`http://127.0.0.1:${part.port}/healthz`, { withinMs: HEALTH_ANSWER_MS, place: null })
      .then(
        () => (failures = 0),
        () => (failures += 1),
      )
      .finally(() => (isAsking = false));
    if (failures < MOST_FAILURES) return;
    watch.print(part, `has not answered for ${(MOST_FAILURES * HEALTH_EVERY_MS) / 1000} s, and is ended.`);
    failures = 0;
    part.child?.kill('SIGKILL');
  }, HEALTH_EVERY_MS);
  return () => clearInterval(timer);
}

/** @returns the exit code, or the signal that ended it */
function runOnce(part: Part, watch: Watch): Promise<string> {
  const [program, ...first] = launcher();
  const waits = part.isSuccessor && !part.isReady ? ['--standby'] : [];
  part.lastError = '';
  const child = spawn(program!, [...first, ...part.args, ...waits], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    windowsHide: true,
    // The trainer alone signs and delivers.
    env: part.kind === 'trainer' ? process.env : withoutPrivateKeys(),
  });
  part.child = child;
  // Signals come before dashboards and paper.
  if (part.kind !== 'daemon' && child.pid !== undefined) lowerPriority(child.pid);
  createInterface({ input: child.stdout! }).on('line', (line) => watch.print(part, line));
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (/^[A-Z]+(?:_[A-Z]+)*: /.test(line)) part.lastError = line;
    watch.print(part, line);
  });
  let isListening = false;
  child.on('message', (message) => {
    const told = message as PartMessage;
    if ('waiting' in told) {
      part.isWaiting = true;
      return watch.onWaiting();
    }
    part.port = told.ready.port;
    isListening = true;
    part.isReady = true;
    if (part.ended !== null) {
      part.ended = null;
      watch.onChange();
    }
    watch.onReady(part);
  });
  const stopWatching = endWhenSilent(part, watch, () => isListening);
  return new Promise((resolve) => {
    const end = (how: string): void => {
      stopWatching();
      part.child = null;
      resolve(how);
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => end(String(signal ?? code)));
  });
}

/** The one-time link that opens the dashboard. A store that cannot be used does not end what runs. */
async function sayLogin({ minutehand }: Settings, port: number, print: (line: string) => void): Promise<void> {
  // Redirected output ends in a log file, and whoever reads the log could use the one-time link of an approver.
  if (!process.stdout.isTTY)
    return print(
      `  Dashboard      ${elsewhereTyped('token link')}   (prints a link that is valid once, for 15 minutes)\n`,
    );
  try {
    // The store's libraries are for the trainer; this process only supervises.
    const { inStore, loginLink } = await import('./token.ts');
    const { host } = minutehand.transports.trainer;
    const who = { role: 'approver', name: actorName() } as const;
    await inStore(async (store) => {
      const url = await loginLink(store, { host, port }, who);
      print(`  Dashboard      ${url}   (valid once, for 15 minutes; a new one: ${elsewhereTyped('token link')})\n`);
    });
  } catch (error) {
    print(`  Dashboard      no login link: ${describeError(error).message}\n`);
  }
}

function placesOf(settings: Settings, parts: readonly Part[]): object {
  const { signals, models, log } = homePaths();
  const daemons = parts.filter(({ kind }) => kind === 'daemon').map(({ shard, port }) => ({ shard, port }));
  const paper = hasPaper(parts) ? paperFolder(settings) : null;
  return { daemons, trainer: { port: trainerOf(parts).port }, paper, signals, models, log };
}

const hasPaper = (parts: readonly Part[]): boolean => parts.some(({ kind }) => kind === 'paper');
const paperFolder = (settings: Settings): string => join(homePaths().ea, `${paperNameOf(settings)}_paper`);

function whereToLook(settings: Settings, parts: readonly Part[]): string {
  const { minutehand } = settings;
  const { market, pairs, simulated, transports } = minutehand;
  const paths = homePaths();
  const isPlayed = market !== 'live';
  const perDaemon = parts.flatMap(({ shard, port }) => {
    if (shard === null) return [];
    const address = urlOf({ host: transports.daemon.host, port: port! });
    return [
      `  WebSocket      ${address.replace('http', 'ws')}/signals?pairs=${shardSubjects(minutehand, shard)[0]!.id}`,
      ...(isPlayed
        ? []
        : [`  send bars      curl -X POST ${address}/bars -d '[{"symbol": …}]'   (history first: /bars?backfill=1)`]),
      `  health         ${address}/healthz   /readyz   /metrics`,
    ];
  });
  const trainer = urlOf({ host: transports.trainer.host, port: trainerOf(parts).port! });
  const allFiles = Object.keys(minutehand.shards).map((shard) => allSignalsFile(minutehand, shard));
  return [
    '',
    isPlayed
      ? `minutehand is up on a ${market === 'simulated' ? 'SIMULATED market' : 'REPLAY of history'}: ${counted(pairs.length, 'pair')}, one ${market === 'simulated' ? 'simulated' : 'recorded'} minute every ${simulated.bar_interval_ms / 1000} s.`
      : `minutehand is up: ${counted(pairs.length, 'pair')}, waiting for live bars.`,
    '',
    `  signal files   ${paths.signals}/<pair>/signal.json   (all pairs: ${allFiles.join(', ')})`,
    `  check them     ${elsewhereTyped(`signal verify ${typedWord(paths.signals)}/*/signal.json`)}`,
    ...perDaemon,
    transports.redis.enabled === 'off'
      ? '  Redis          off by configuration'
      : `  Redis          redis-cli subscribe minutehand:signals   (when a Redis server answers at ${maskSecrets(transports.redis.url)})`,
    `  trainer        ${trainer}/healthz   retrain now: curl -X POST ${trainer}/retrain`,
    ...(hasPaper(parts) ? [`  paper account  ${paperFolder(settings)}/result.json   (--no-paper: none)`] : []),
    `  models, logs   ${paths.models}   ${paths.log}`,
    '',
    ...(existsSync(activePath(paths.models)) ? [] : [nextStep(market)]),
    `  How is it?     ${elsewhereTyped('status')}   Ctrl-C ends all; the next start resumes.`,
    '',
  ].join('\n');
}

function nextStep(market: MarketKind): string {
  if (market === 'replay')
    return '  Next: first models are trained on the history before the replay; then it begins, one signal per pair and bar.';
  return market === 'simulated'
    ? '  Next: first models are trained on the simulated history (within a minute); then the market begins, one signal per pair and bar.'
    : '  Next: signals have mode WARMUP until every window is full, and HALT until there are models.';
}
