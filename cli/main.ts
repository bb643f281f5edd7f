import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { MinutehandError } from '../shared/errors.ts';
import { packageRoot } from '../shared/root.ts';
import { createOutput, isClosedPipe, showError, tolerateClosedPipes, type Output } from './output.ts';

type AddCommand = (program: Command, output: () => Output) => void;

/**
 * A command's module is loaded on demand: a daemon has no use for the libraries of the trainer, nor `signal verify` for
 * either's.
 */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  up: async () => (await import('./commands/up.ts')).addUp,
  daemon: async () => (await import('./commands/processes.ts')).addDaemon,
  trainer: async () => (await import('./commands/processes.ts')).addTrainer,
  bars: async () => (await import('./commands/bars.ts')).addBars,
  dataset: async () => (await import('./commands/dataset.ts')).addDataset,
  features: async () => (await import('./commands/features.ts')).addFeatures,
  train: async () => (await import('./commands/train.ts')).addTrain,
  direction: async () => (await import('./commands/direction.ts')).addDirection,
  series: async () => (await import('./commands/series.ts')).addSeries,
  collect: async () => (await import('./commands/collect.ts')).addCollect,
  fit: async () => (await import('./commands/fit.ts')).addFit,
  backtest: async () => (await import('./commands/backtest.ts')).addBacktest,
  scan: async () => (await import('./commands/scan.ts')).addScan,
  replay: async () => (await import('./commands/replay.ts')).addReplay,
  parity: async () => (await import('./commands/parity.ts')).addParity,
  runs: async () => (await import('./commands/runs.ts')).addRuns,
  models: async () => (await import('./commands/models.ts')).addModels,
  rollout: async () => (await import('./commands/rollout.ts')).addRollout,
  alerts: async () => (await import('./commands/alerts.ts')).addAlerts,
  report: async () => (await import('./commands/report.ts')).addReport,
  token: async () => (await import('./commands/token.ts')).addToken,
  audit: async () => (await import('./commands/audit.ts')).addAudit,
  trades: async () => (await import('./commands/trades.ts')).addTrades,
  ea: async () => (await import('./commands/ea.ts')).addEa,
  signal: async () => (await import('./commands/signal.ts')).addSignal,
  signals: async () => (await import('./commands/signals.ts')).addSignals,
  explain: async () => (await import('./commands/explain.ts')).addExplain,
  check: async () => (await import('./commands/check.ts')).addCheck,
  config: async () => (await import('./commands/config.ts')).addConfig,
  policy: async () => (await import('./commands/policy.ts')).addPolicy,
  service: async () => (await import('./commands/service.ts')).addService,
  status: async () => (await import('./commands/status.ts')).addStatus,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  bench: async () => (await import('./commands/bench.ts')).addBench,
  sim: async () => (await import('./commands/sim.ts')).addSim,
  docs: async () => (await import('./commands/docs.ts')).addDocs,
};

const DONE = 0;
const MISUSED = 2;

/** Runs one command. @returns its exit code: 0 done, 1 failed, 2 misused */
export async function main(argv: readonly string[]): Promise<number> {
  tolerateClosedPipes();
  const json = argv.includes('--json');
  const answers: string[] = [];
  process.exitCode = DONE;
  try {
    const program = await createProgram(
      wantedCommands(argv),
      () => createOutput(json),
      (text) => (json ? answers.push(text) : process.stdout.write(text)),
    );
    await program.parseAsync([...argv], { from: 'user' });
    return process.exitCode;
  } catch (error) {
    if (isClosedPipe(error)) return DONE;
    if (!(error instanceof CommanderError)) return showError(error, json);
    // Asking for help or the version is not misuse.
    const isMisuse = error.exitCode !== 0;
    if (json) process.stdout.write(`${JSON.stringify(isMisuse ? misuse(error) : { text: answers.join('') })}\n`);
    return isMisuse ? MISUSED : DONE;
  }
}

/**
 * The command that `argv` begins with; all of them where it names none, for help and hints, and for `docs`, which lists
 * them.
 */
function wantedCommands(argv: readonly string[]): readonly string[] {
  const first = argv.find((argument) => argument !== '--json');
  const isAlone = first !== undefined && first !== 'docs' && Object.hasOwn(COMMANDS, first);
  return isAlone ? [first] : Object.keys(COMMANDS);
}

/** The message that commander has already printed on standard error, as an object for programs. */
function misuse({ message }: CommanderError): object {
  const seen = message.startsWith('(') ? 'no command' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return { error: new MinutehandError('USAGE', { seen }) };
}

/**
 * @param wanted names of the commands to add
 * @param output where its actions write
 * @param answer receives the requested text: help, or the version
 */
export async function createProgram(
  wanted: readonly string[] = Object.keys(COMMANDS),
  output: () => Output = () => createOutput(false),
  answer: (text: string) => void = (text) => process.stdout.write(text),
): Promise<Command> {
  const { version, description } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
  const program = new Command('minutehand');
  program
    .description(description)
    .version(version)
    .option('--json', 'one JSON document on standard output, for programs')
    .showHelpAfterError('(add --help to see what this command takes)')
    .exitOverride()
    .configureOutput({ writeOut: answer })
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 misused.
Environment: MINUTEHAND_HOME (run-time data), MINUTEHAND_CONFIG (configuration), MINUTEHAND_LOG (logs), MINUTEHAND_EXCHANGE (the folder that MetaTrader
shares: signals and fills), MINUTEHAND_MARKET, MINUTEHAND_DAEMON_PORT,
MINUTEHAND_TRAINER_PORT, MINUTEHAND_REDIS_URL, MINUTEHAND_TOKEN (for requests from other machines), MINUTEHAND_DATABASE_URL (the
trainer’s store), MINUTEHAND_SLACK_URL and others (channels of notifications), MINUTEHAND_SIGNING_KEY and MINUTEHAND_TRUSTED_KEYS
(who may make models), MINUTEHAND_LIGHTGBM_LIBRARY, MINUTEHAND_XGBOOST_LIBRARY (engines of train and fit).

Start here: minutehand up, then minutehand signal verify var/signals/*/signal.json`,
    );
  for (const add of await Promise.all(wanted.map((name) => COMMANDS[name]!()))) add(program, output);
  acceptJsonEverywhere(program);
  return program;
}

/** `--json` may follow any command, and every command reports misuse instead of ending the process. */
function acceptJsonEverywhere(command: Command): void {
  for (const sub of command.commands) {
    if (!sub.options.some(({ long }) => long === '--json'))
      sub.option('--json', 'one JSON document on standard output');
    sub.exitOverride().showHelpAfterError('(add --help to see what this command takes)');
    acceptJsonEverywhere(sub);
  }
}
