import { Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { openLog } from '../../shared/log/log.ts';
import { homePaths } from '../../shared/policy/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { launcher } from '../launcher.ts';
import type { Output } from '../output.ts';
import { stopSignal } from '../stop_signal.ts';

export function marketOption(): Option {
  return new Option('--market <kind>', 'where bars come from; wins over config/minutehand.yaml').choices([
    'live',
    'simulated',
  ]);
}

/** What a child tells the `up` that started it. */
export interface ReadyMessage {
  readonly ready: { readonly port: number };
}

/** Lets `--market` win the way MINUTEHAND_MARKET does, for this process and those it starts. */
export function applyMarket(market: string | undefined): void {
  if (market !== undefined) process.env['MINUTEHAND_MARKET'] = market;
}

export function addDaemon(program: Command, output: () => Output): void {
  program
    .command('daemon')
    .summary('run the data plane: bars in, signals out')
    .description(
      'Takes bars (POST /bars, WebSocket /bars, or the simulated market), answers each with a signal by file, Redis and WebSocket, and journals both. ' +
        'Follows models/active.json and swaps a new bundle in between two bars. Ctrl-C ends it; the next start resumes where it was.',
    )
    .option('--shard <name>', 'the shard of config/minutehand.yaml to serve', 'main')
    .addOption(marketOption())
    .action((flags: { shard: string; market?: string }) => {
      applyMarket(flags.market);
      return runDaemon(flags.shard, output());
    });
}

async function runDaemon(shard: string, output: Output): Promise<void> {
  const { say } = output;
  const stopping = stopSignal();
  const settings = loadSettings();
  const paths = homePaths();
  // Loading the servers takes longer than most other commands do.
  const { startDaemon } = await import('../../daemon/main.ts');
  const daemon = await startDaemon({
    settings,
    paths,
    shard,
    clock: MACHINE_CLOCK,
    token: process.env['MINUTEHAND_TOKEN'],
    say,
  });
  say(
    `Daemon listens on ${settings.minutehand.transports.daemon.host}:${daemon.port} (${daemon.health().server_engine}), market ${settings.minutehand.market}.`,
  );
  output.result({ shard, port: daemon.port, boot_id: daemon.bootId });
  process.send?.({ ready: { port: daemon.port } } satisfies ReadyMessage);
  await daemon.stop(await stopping);
}

export function addTrainer(program: Command, output: () => Output): void {
  program
    .command('trainer')
    .summary('run the control plane: schedule, training runs, API')
    .description(
      'Trains first models when there are none, then by retrain_cron (UTC) and on POST /retrain, each run in a process of its own. The daemon needs no trainer to go on.',
    )
    .addOption(marketOption())
    .action((flags: { market?: string }) => {
      applyMarket(flags.market);
      return runTrainer(output());
    });
}

async function runTrainer(output: Output): Promise<void> {
  const { say } = output;
  const stopping = stopSignal();
  const settings = loadSettings();
  const paths = homePaths();
  const { startTrainer } = await import('../../trainer/main.ts');
  const { log, flush } = openLog(paths.log, 'trainer', settings.minutehand.log.level);
  const trainer = await startTrainer({ settings, paths, log, command: launcher(), say });
  say(`Trainer listens on ${settings.minutehand.transports.trainer.host}:${trainer.port}.`);
  output.result({ port: trainer.port });
  process.send?.({ ready: { port: trainer.port } } satisfies ReadyMessage);
  await stopping;
  await trainer.stop();
  flush();
}
