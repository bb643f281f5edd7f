import '../shared/bundle/no_telemetry.ts';
import { isMainThread } from 'node:worker_threads';
import { Command, CommanderError } from 'commander';
import { describeError, MinutehandError } from '../shared/errors.ts';
import { useProxyOfEnvironment } from '../shared/http/outgoing_proxy.ts';
import { homePaths } from '../shared/home.ts';
import { keepFilesPrivate } from '../shared/private_files.ts';
import { packageManifest } from '../shared/root.ts';
import type { CommandName } from './command_names.ts';
import { CommandAudit } from './command_audit.ts';
import {
  createOutput,
  DONE,
  isClosedPipe,
  MISUSED,
  PARTLY_DONE,
  showError,
  tolerateClosedPipes,
  type Output,
} from './output.ts';
import { spelledCommand } from './strategy_option.ts';
import { asTyped } from './typed_command.ts';
import { refuseUnusableHome } from './usable_home.ts';

/** From here, so that a bundled program has one memory of whether it was asked to stop. */
export { endProcess } from './process_end.ts';

/** What a process has that one of ours has started. */
const STARTED = ['MINUTEHAND_PROGRESS', 'MINUTEHAND_JOB'];

type AddCommand = (program: Command, output: () => Output) => void;

interface Listed {
  /** Its line in the list of commands; one without is not listed. */
  readonly summary?: string;
  readonly parameters?: string;
  readonly load: () => Promise<AddCommand>;
}

/**
 * A command's module is loaded on demand: a daemon has no use for the libraries of the trainer, nor `signal verify` for
 * either's, nor the list of commands for any.
 */
const COMMANDS: Readonly<Record<string, Listed>> = {
  up: {
    summary: 'run daemon and trainer (this is what npm start does)',
    load: async () => (await import('./commands/up.ts')).addUp,
  },
  try: {
    summary: 'replay history of your own as a market, on paper',
    load: async () => (await import('./commands/try.ts')).addTry,
    parameters: '[paths...]',
  },
  daemon: {
    summary: 'run the data plane: bars in, signals out',
    load: async () => (await import('./commands/processes.ts')).addDaemon,
  },
  trainer: {
    summary: 'run the control plane: schedule, training runs, API',
    load: async () => (await import('./commands/processes.ts')).addTrainer,
  },
  bars: { summary: 'import, check and export bars', load: async () => (await import('./commands/bars.ts')).addBars },
  dataset: {
    summary: 'write features and labels of all pairs as a table',
    load: async () => (await import('./commands/dataset.ts')).addDataset,
  },
  features: {
    summary: 'the feature matrix of a pair or an instrument as CSV',
    load: async () => (await import('./commands/features.ts')).addFeatures,
  },
  train: {
    summary: 'train, validate and write a model bundle',
    load: async () => (await import('./commands/train.ts')).addTrain,
  },
  league: {
    summary: 'learners of AI1 against each other, with standard errors and a placebo',
    load: async () => (await import('./commands/league.ts')).addLeague,
  },
  automl: {
    summary: 'search formulas that help AI1 beyond its columns',
    load: async () => (await import('./commands/automl.ts')).addAutoml,
  },
  direction: {
    summary: 'the model of an instrument: up, down or range',
    load: async () => (await import('./strategies/direction/train.ts')).addDirection,
  },
  series: {
    summary: 'auxiliary series of instruments: funding, open interest …',
    load: async () => (await import('./commands/series.ts')).addSeries,
  },
  news: {
    summary: 'the economic calendar: import a file, list the next events',
    load: async () => (await import('./commands/news.ts')).addNews,
  },
  collect: {
    summary: 'feed a live daemon from Binance: bars and auxiliary series',
    load: async () => (await import('./commands/collect.ts')).addCollect,
  },
  fit: {
    summary: 'train on any table of numbers and texts, and evaluate on another',
    load: async () => (await import('./commands/fit.ts')).addFit,
  },
  backtest: {
    summary: 'what a bundle would have earned after costs, by the daemon’s code',
    load: async () => (await import('./commands/backtest.ts')).addBacktest,
  },
  scan: {
    summary: 'which pairs are cointegrated, and whether trading them pays',
    load: async () => (await import('./commands/scan.ts')).addScan,
  },
  strategy: {
    summary: 'check, backtest and explain a rule that is written as formulas',
    load: async () => (await import('./commands/strategy.ts')).addStrategy,
  },
  evolve: {
    summary: 'search for rules in a declared space, and judge what is found',
    load: async () => (await import('./commands/evolve.ts')).addEvolve,
    parameters: '<space>',
  },
  replay: {
    summary: 'run bar files, or a journal, through the daemon’s pipeline',
    load: async () => (await import('./commands/replay.ts')).addReplay,
  },
  parity: {
    summary: 'prove that live signals equal the backtest’s',
    load: async () => (await import('./commands/parity.ts')).addParity,
  },
  job: {
    summary: 'run a job that is described by a document',
    load: async () => (await import('./commands/job.ts')).addJob,
  },
  jobs: {
    summary: 'every job, whoever started it: list, show, log, cancel',
    load: async () => (await import('./commands/jobs.ts')).addJobs,
  },
  learners: {
    summary: 'list learners, and install the environment of the networks',
    load: async () => (await import('./commands/learners.ts')).addLearners,
  },
  worker: {
    summary: 'do fits of trainings and generations of searches of rules that run elsewhere',
    load: async () => (await import('./commands/worker.ts')).addWorker,
  },
  fleet: {
    summary: 'the queue of fits and its workers',
    load: async () => (await import('./commands/fleet.ts')).addFleet,
  },
  runs: {
    summary: 'list, start and cancel training runs of the trainer',
    load: async () => (await import('./commands/runs.ts')).addRuns,
  },
  models: {
    summary: 'list, show, verify, promote, shadow, sign, roll back and recover model bundles, and lift halts',
    load: async () => (await import('./commands/models.ts')).addModels,
  },
  rollout: {
    summary: 'let a challenger decide a growing share of entries, evaluated statistically',
    load: async () => (await import('./commands/rollout.ts')).addRollout,
  },
  alerts: {
    summary: 'list, acknowledge, silence and test notifications',
    load: async () => (await import('./commands/alerts.ts')).addAlerts,
  },
  report: {
    summary: 'figures of a period: models, signals, P&L by account, costs, drift, parity, targets',
    load: async () => (await import('./commands/report.ts')).addReport,
  },
  token: {
    summary: 'create, list and revoke tokens of the API, and make login links',
    load: async () => (await import('./commands/token.ts')).addToken,
  },
  audit: { summary: 'every write of the API', load: async () => (await import('./commands/audit.ts')).addAudit },
  trades: {
    summary: 'what expert advisors made of the signals: list, export, check',
    load: async () => (await import('./commands/trades.ts')).addTrades,
  },
  halt: {
    summary: 'stops entries until resume: all, or of some subjects',
    load: async () => (await import('./commands/stops.ts')).addHalt,
    parameters: '[subjects...]',
  },
  'close-all': {
    summary: 'stops entries and has open positions closed',
    load: async () => (await import('./commands/stops.ts')).addCloseAll,
    parameters: '[subjects...]',
  },
  resume: {
    summary: 'lifts halt and close-all',
    load: async () => (await import('./commands/stops.ts')).addResume,
    parameters: '[subjects...]',
  },
  ea: {
    summary: 'trade the signals on paper, as an expert advisor would',
    load: async () => (await import('./commands/ea.ts')).addEa,
  },
  signal: {
    summary: 'check signals as a consumer must',
    load: async () => (await import('./commands/signal.ts')).addSignal,
  },
  signals: {
    summary: 'published signals and where they are stored: list, days, archive, verify, restore',
    load: async () => (await import('./commands/signals.ts')).addSignals,
  },
  explain: {
    summary: 'why a minute was decided this way, and what would have made it trade',
    load: async () => (await import('./commands/explain.ts')).addExplain,
    parameters: '<subject> [time...]',
  },
  check: {
    summary: 'check the models of this installation',
    load: async () => (await import('./commands/check.ts')).addCheck,
  },
  config: {
    summary: 'check and show the configuration',
    load: async () => (await import('./commands/config.ts')).addConfig,
  },
  policy: {
    summary: 'propose, approve and apply changes of the configuration',
    load: async () => (await import('./commands/policy.ts')).addPolicy,
  },
  service: {
    summary: 'let systemd, or Windows’ Task Scheduler, run it: install, uninstall, status',
    load: async () => (await import('./commands/service.ts')).addService,
  },
  stop: {
    summary: 'end what runs in this home (Windows)',
    load: async () => (await import('./commands/stop.ts')).addStop,
  },
  status: {
    summary: 'all shards and the trainer at a glance',
    load: async () => (await import('./commands/status.ts')).addStatus,
  },
  golive: {
    summary: 'check each step from here to trading on paper',
    load: async () => (await import('./commands/golive.ts')).addGoLive,
  },
  doctor: {
    summary: 'check this machine and installation',
    load: async () => (await import('./commands/doctor.ts')).addDoctor,
  },
  upgrade: {
    summary: 'whether this version can take over the installation',
    load: async () => (await import('./commands/upgrade.ts')).addUpgrade,
  },
  bench: {
    summary: 'measure this machine: bars in, signals out',
    load: async () => (await import('./commands/bench.ts')).addBench,
  },
  sim: {
    summary: 'the daemon in a simulated world with faults, driven by a seed',
    load: async () => (await import('./commands/sim.ts')).addSim,
  },
  help: {
    summary: 'the help of a command; a page of the reference, or a row of it: help errors MODEL_GATES',
    load: async () => (await import('./commands/help.ts')).addHelp,
    parameters: '[words...]',
  },
  docs: { load: async () => (await import('./commands/docs.ts')).addDocs },
} satisfies Record<CommandName, Listed>;

/** Runs one command. @returns its exit code: 0 done, 1 failed, 2 misused, 3 partly done */
export async function main(argv: readonly string[]): Promise<number> {
  tolerateClosedPipes();
  // Before any file is made. A thread has the umask of its process.
  if (isMainThread) keepFilesPrivate();
  const json = argv.includes('--json');
  const answers: string[] = [];
  process.exitCode = DONE;
  const audit = new CommandAudit();
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const spelled = spelledCommand(argv);
  if (spelled.note !== null && !json) note(spelled.note);
  try {
    const program = await createProgram(
      wantedCommands(spelled.argv),
      () => createOutput(json, (change) => audit.written(change)),
      (text) => (json ? answers.push(text) : process.stdout.write(asTyped(text))),
    );
    program.hook('preAction', async (_program, command) => {
      if (command.name() !== 'doctor') await warnOfUnknownVariables(note);
      refuseUnusableHome(firstWord(command), homePaths().home);
      await useProxyOfEnvironment(process.env);
      audit.begin(command);
    });
    await program.parseAsync([...spelled.argv], { from: 'user' });
    return await endRun(audit, process.exitCode, note);
  } catch (error) {
    const { code } = describeError(error);
    if (code !== 'USAGE' && !(error instanceof CommanderError)) await endRefused(audit, code, note);
    if (isClosedPipe(error)) return DONE;
    if (!(error instanceof CommanderError)) return showError(error, json);
    // Asking for help or the version is not misuse.
    const isMisuse = error.exitCode !== 0;
    if (json)
      process.stdout.write(`${JSON.stringify(isMisuse ? misuse(error) : { text: asTyped(answers.join('')) })}\n`);
    return isMisuse ? MISUSED : DONE;
  }
}

/** `bars` of `bars import`. */
function firstWord(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : firstWord(parent);
}

/**
 * A misspelled variable would otherwise leave its setting at the default without notice. `doctor` has a line for it,
 * and who started this process has said it already.
 */
async function warnOfUnknownVariables(note: (text: string) => void): Promise<void> {
  const own = Object.keys(process.env).filter((name) => name.startsWith('MINUTEHAND_'));
  const isStarted = process.send !== undefined || STARTED.some((name) => own.includes(name));
  // The list of variables takes time to load, and most commands have none to look at.
  if (own.length === 0 || isStarted) return;
  const { unknownVariables, unknownVariableText } = await import('../shared/policy/environment.ts');
  for (const unknown of unknownVariables()) note(`warning: ${unknownVariableText(unknown)}`);
}

/**
 * Records a completed command. Its effects remain even if the audit entry cannot be written, for example on a full
 * disk.
 * @returns the exit code
 */
export async function endRun(
  audit: Pick<CommandAudit, 'end'>,
  code: number,
  note: (text: string) => void,
): Promise<number> {
  const outcome = code === DONE ? 'done' : code === PARTLY_DONE ? 'partly done' : 'failed';
  const loss = 'What is said above is in force, but the audit log has no record of it.';
  const isRecorded = await record(audit, outcome, loss, note);
  return isRecorded || code !== DONE ? code : PARTLY_DONE;
}

/** Records that a command was refused. Where even that fails, as on a full disk, the reason of the refusal stays. */
export async function endRefused(
  audit: Pick<CommandAudit, 'end'>,
  code: string,
  note: (text: string) => void,
): Promise<void> {
  await record(audit, `refused ${code}`, 'The audit log has no record of this command.', note);
}

/**
 * Writes the audit entry of a command.
 * @param loss what to note, with the reason, where that fails
 * @returns whether it was written, or kept to be written later
 */
async function record(
  audit: Pick<CommandAudit, 'end'>,
  outcome: string,
  loss: string,
  note: (text: string) => void,
): Promise<boolean> {
  try {
    await audit.end(outcome, note);
    return true;
  } catch (cause) {
    const { code, message } = describeError(cause);
    note(`${loss} ${code}: ${message}`);
    return false;
  }
}

/**
 * The command that `argv` begins with; else all of them, for help and hints, loaded where `argv` contains their name.
 * `docs` describes all.
 */
export function wantedCommands(argv: readonly string[]): { names: readonly string[]; loaded: readonly string[] } {
  const names = Object.keys(COMMANDS);
  const first = argv.find((argument) => argument !== '--json') ?? '';
  if (first === 'docs') return { names, loaded: names };
  if (first === 'help') return { names, loaded: names.filter((name) => argv.includes(name)) };
  if (Object.hasOwn(COMMANDS, first)) return { names: [first], loaded: [first] };
  return { names, loaded: names.filter((name) => argv.includes(name)) };
}

/** The message that commander has already printed on standard error, as an object for programs. */
function misuse({ message }: CommanderError): object {
  const seen = message.startsWith('(') ? 'no command' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return { error: new MinutehandError('USAGE', { seen }) };
}

/**
 * @param wanted names of the commands, and which of them can be run; the others are only listed
 * @param output where its actions write
 * @param answer receives the requested text: help, or the version
 */
export async function createProgram(
  { names, loaded } = wantedCommands(['docs']),
  output: () => Output = () => createOutput(false),
  answer: (text: string) => void = (text) => process.stdout.write(text),
): Promise<Command> {
  const { version, description } = packageManifest();
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
Exit codes: 0 done, 1 failed or nothing done, 2 misused, 3 partly done (what is missing is on standard error), 130 interrupted.
Environment: MINUTEHAND_HOME (run-time data), MINUTEHAND_CONFIG (configuration), MINUTEHAND_LOG (logs), MINUTEHAND_EXCHANGE (the folder that MetaTrader
shares: signals and fills), MINUTEHAND_MARKET, MINUTEHAND_DAEMON_PORT,
MINUTEHAND_TRAINER_PORT, MINUTEHAND_REDIS_URL, MINUTEHAND_TOKEN (for requests from other machines), MINUTEHAND_DATABASE_URL (the
trainer’s store), MINUTEHAND_SLACK_URL and others (channels of notifications), MINUTEHAND_SIGNING_KEY and MINUTEHAND_TRUSTED_KEYS
(who may make models), MINUTEHAND_LIGHTGBM_LIBRARY, MINUTEHAND_XGBOOST_LIBRARY (engines of train and fit).

Start here: minutehand up, then minutehand signal verify var/signals/*/signal.json`,
    );
  const additions = await Promise.all(loaded.map(async (name) => [name, await COMMANDS[name]!.load()] as const));
  const add = new Map(additions);
  for (const name of names) {
    const { summary = '', parameters = '' } = COMMANDS[name]!;
    if (add.has(name)) add.get(name)!(program, output);
    else program.command(`${name} ${parameters}`, { hidden: summary === '' });
    program.commands.at(-1)!.summary(summary);
  }
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
