import { MARKETS } from '../../shared/signal/signal.ts';
import { Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { openLog } from '../../shared/log/log.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { noteFatal } from '../../shared/fatal.ts';
import { endStep, reportSlowEnd } from '../../shared/process/end_steps.ts';
import { readPointer } from '../../shared/policy/approved.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { keepFilesPrivate, tightenFolder } from '../../shared/private_files.ts';
import { openSystemd, type Systemd } from '../systemd/systemd.ts';
import { launcher } from '../../shared/launcher.ts';
import type { TrainerOptions } from '../../trainer/control/trainer_options.ts';
import type { Output } from '../output.ts';
import { endedStart, endStartOnRequest, loadedUnlessEnding } from '../end_start.ts';
import { recoverByCommand } from '../lost_models.ts';
import { stopSignal } from '../stop_signal.ts';
import { warningsOfPlaces } from '../../shared/windows_places.ts';

const POLICY_POLL_MS = 500;

export function marketOption(): Option {
  return new Option('--market <kind>', 'source of bars; overrides config/minutehand.yaml').choices(MARKETS);
}

/**
 * Message of a child to the `up` that started it: it is ready, where a paper account listens on no port; or, of a
 * standby, it waits with everything loaded.
 */
export type PartMessage = { readonly ready: { readonly port: number | null } } | { readonly waiting: true };

/** Lets `--market` win the way MINUTEHAND_MARKET does, for this process and those it starts. */
export function applyMarket(market: string | undefined): void {
  if (market !== undefined) process.env['MINUTEHAND_MARKET'] = market;
}

export function addDaemon(program: Command, output: () => Output): void {
  program
    .command('daemon')
    .description(
      'Takes bars (POST /bars, WebSocket /bars, the Redis stream minutehand:bars, or the simulated market), answers each with a signal by file, Redis and WebSocket, and journals both. ' +
        'Follows models/active.json and swaps a new bundle in between two bars. Ctrl-C ends it; the next start resumes where it was. ' +
        'With --standby a second one waits until the first ends, and takes over: an upgrade without a missed bar.',
    )
    .option('--shard <name>', 'the shard of config/minutehand.yaml to serve', 'main')
    .option('--standby', 'wait, with everything loaded, and take over when the running daemon of this shard ends')
    .addOption(marketOption())
    .action((flags: DaemonFlags) => {
      applyMarket(flags.market);
      return runDaemon(flags, output());
    });
}

interface DaemonFlags {
  readonly shard: string;
  readonly standby?: boolean;
  readonly market?: string;
}

async function runDaemon({ shard, standby }: DaemonFlags, output: Output): Promise<void> {
  const stopping = stopSignal(standby === true ? 'standby' : 'daemon');
  const systemd = openSystemd((line) => output.note(line));
  void stopping.then((reason) => systemd.stopping(reason));
  const print = saying(output, systemd);
  // `up` has warned already.
  if (process.send === undefined) warnOfPlaces(output);
  const settings = loadSettings();
  const paths = homePaths();
  const umask = keepPrivate(paths);
  const ending = abortedBy(stopping);
  const request = { stopping, print, exit: (code: number) => process.exit(code) };
  // Loading the servers takes longer than most other commands do.
  const modules = Promise.all([import('../../daemon/main.ts'), import('../../daemon/health/status_line.ts')]);
  const [{ standBy, startDaemon }, { statusLine }] = await loadedUnlessEnding(request, modules);
  const options = {
    settings,
    paths,
    shard,
    clock: MACHINE_CLOCK,
    token: process.env['MINUTEHAND_TOKEN'],
    signalsUmask: isSet('MINUTEHAND_EXCHANGE') ? umask : null,
    recoverModels: () => recoverByCommand(paths, process.env),
    print,
    ending,
  };
  process.on('uncaughtExceptionMonitor', (error) => noteFatal(paths, shard, error, Date.now()));
  const starting =
    standby === true
      ? standBy(options, ending, () => {
          print(`Standby: a daemon of shard ${shard} runs; this one takes over when it ends.`);
          process.send?.({ waiting: true } satisfies PartMessage);
          systemd.ready({ status: () => `standby, waits for the lease of shard ${shard}`, isMoving: () => true });
        })
      : startDaemon(options);
  endStartOnRequest({ ...request, starting });
  const daemon = await starting.catch((error: unknown) => {
    if (error === ending.reason) return endedStart(request, ending);
    // Another daemon runs here: this one was not needed, and nothing ended.
    if (!(error instanceof MinutehandError) || error.code !== 'HOME_LOCKED') noteFatal(paths, shard, error, Date.now());
    throw error;
  });
  if (daemon === null) return print('Standby: ended while it waited.');
  print(
    `Daemon listens on ${settings.minutehand.transports.daemon.host}:${daemon.port} (${daemon.health().server_engine}), market ${settings.minutehand.market}.`,
  );
  systemd.ready({ status: () => statusLine(daemon.health()), isMoving: daemon.isMoving });
  output.result({ shard, port: daemon.port, boot_id: daemon.bootId });
  process.send?.({ ready: { port: daemon.port } } satisfies PartMessage);
  const reason = await stopping;
  await reportSlowEnd(print, () =>
    endStep('the bar in work, the journal and the connections', () => daemon.stop(reason)),
  );
}

export function addTrainer(program: Command, output: () => Output): void {
  program
    .command('trainer')
    .description(
      'Trains first models when there are none, then by retrain_cron (UTC) and on POST /retrain, each run in a process of its own. The daemon runs without a trainer.',
    )
    .addOption(marketOption())
    .action((flags: { market?: string }) => {
      applyMarket(flags.market);
      return runTrainer(output());
    });
}

async function runTrainer(output: Output): Promise<void> {
  const stopping = stopSignal('trainer');
  const systemd = openSystemd((line) => output.note(line));
  void stopping.then((reason) => systemd.stopping(reason));
  const print = saying(output, systemd);
  // `up` has warned already.
  if (process.send === undefined) warnOfPlaces(output);
  const settings = loadSettings();
  const paths = homePaths();
  keepPrivate(paths);
  const ending = abortedBy(stopping);
  const request = { stopping, print, exit: (code: number) => process.exit(code) };
  const { startTrainer } = await loadedUnlessEnding(request, import('../../trainer/main.ts'));
  const { log, flush } = openLog(paths.log, 'trainer', settings.minutehand.log.level);
  const options = { paths, log, command: launcher(), token: process.env['MINUTEHAND_TRAINER_TOKEN'], print, ending };
  const start = async (changed: Partial<TrainerOptions> & Pick<TrainerOptions, 'settings'>) => {
    const starting = startTrainer({ ...options, ...changed });
    endStartOnRequest({ ...request, starting });
    return starting.catch((error: unknown) => {
      if (error !== ending.reason) throw error;
      flush();
      return endedStart(request, ending);
    });
  };
  let trainer = await start({ settings });
  print(`Trainer listens on ${settings.minutehand.transports.trainer.host}:${trainer.port}.`);
  // Its event loop is all that can hang: trainings and looks at live KPIs have processes and threads of their own.
  systemd.ready({ status: () => trainer.status(), isMoving: () => true });
  output.result({ port: trainer.port });
  process.send?.({ ready: { port: trainer.port } } satisfies PartMessage);
  for (let loaded: Settings | null = settings; loaded !== null;) {
    const next = nextPolicy(paths, loaded, () => trainer.retrainer.runs()[0]?.status !== 'running');
    const approved: Settings | null = await Promise.race([stopping.then(() => null), next.approved]);
    next.stop();
    const replaced = trainer;
    await reportSlowEnd(print, () => replaced.stop());
    loaded = approved;
    if (loaded === null) break;
    print(`Trainer continues with change ${loaded.sources.approved!.change_id}.`);
    trainer = await start({ settings: loaded, port: trainer.port });
  }
  flush();
}

/** A signal that is aborted, with the reason as an error, when the process is to end. */
function abortedBy(stopping: Promise<string>): AbortSignal {
  const ending = new AbortController();
  void stopping.then((reason) => ending.abort(new Error(reason)));
  return ending.signal;
}

/** Waits until another configuration was approved and no training is in progress. */
function nextPolicy(
  { policy }: HomePaths,
  { sources }: Settings,
  isIdle: () => boolean,
): { readonly approved: Promise<Settings>; stop(): void } {
  let stop = (): void => undefined;
  const approved = new Promise<Settings>((resolve) => {
    const timer = setInterval(() => {
      try {
        const commit = readPointer(policy)?.commit;
        if (commit === undefined || commit === sources.approved?.commit || !isIdle()) return;
        resolve(loadSettings());
      } catch {
        // Damaged: the loaded policy stays, and the next poll tries again.
      }
    }, POLICY_POLL_MS);
    stop = () => clearInterval(timer);
  });
  return { approved, stop };
}

/** What only shows later of the places of a process that keeps running: OneDrive has brought an old file back … */
export function warnOfPlaces(output: Output): void {
  for (const warning of warningsOfPlaces(homePaths())) output.note(`warning: ${warning}`);
}

/**
 * Files of daemon and trainer are private. A home that was named may be a folder of other things too, and stays as it
 * is; our own is tightened.
 */
function keepPrivate(paths: HomePaths): number | null {
  const umask = keepFilesPrivate();
  if (!isSet('MINUTEHAND_HOME')) tightenFolder(paths.home);
  return umask;
}

function isSet(variable: string): boolean {
  return (process.env[variable] ?? '') !== '';
}

/** Reports output lines to systemd too, as status of the start. */
function saying(output: Output, systemd: Systemd): Output['print'] {
  return (line) => {
    output.print(line);
    systemd.starting(line);
  };
}
