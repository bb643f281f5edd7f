import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { MinutehandError } from '../shared/errors.ts';
import { packageRoot } from '../shared/root.ts';
import { addBars } from './commands/bars.ts';
import { addBench } from './commands/bench.ts';
import { addConfig } from './commands/config.ts';
import { addDocs } from './commands/docs.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFeatures } from './commands/features.ts';
import { addFit } from './commands/fit.ts';
import { addModels } from './commands/models.ts';
import { addDaemon, addTrainer } from './commands/processes.ts';
import { addReplay } from './commands/replay.ts';
import { addSim } from './commands/sim.ts';
import { addSignal } from './commands/signal.ts';
import { addTrain } from './commands/train.ts';
import { addUp } from './commands/up.ts';
import { createOutput, isClosedPipe, showError, tolerateClosedPipes, type Output } from './output.ts';

const DONE = 0;
const MISUSED = 2;

/** Runs one command. @returns its exit code: 0 done, 1 failed, 2 misused */
export async function main(argv: readonly string[]): Promise<number> {
  tolerateClosedPipes();
  const json = argv.includes('--json');
  const answers: string[] = [];
  const program = createProgram(
    () => createOutput(json),
    (text) => (json ? answers.push(text) : process.stdout.write(text)),
  );
  process.exitCode = DONE;
  try {
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

/** What commander has already said on standard error, for programs. */
function misuse({ message }: CommanderError): object {
  const seen = message.startsWith('(') ? 'no command' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return { error: new MinutehandError('USAGE', { seen }) };
}

/** @param answer takes what was asked for: help, or the version */
function createProgram(output: () => Output, answer: (text: string) => void): Command {
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
Environment: MINUTEHAND_HOME (run-time data), MINUTEHAND_CONFIG (configuration), MINUTEHAND_MARKET, MINUTEHAND_DAEMON_PORT,
MINUTEHAND_TRAINER_PORT, MINUTEHAND_REDIS_URL, MINUTEHAND_TOKEN (for bars from other machines), MINUTEHAND_DATABASE_URL (the
trainer’s store), MINUTEHAND_LIGHTGBM_LIBRARY, MINUTEHAND_XGBOOST_LIBRARY (engines of train and fit).

Start here: minutehand up, then minutehand signal verify var/signals/*/signal.json`,
    );
  addUp(program, output);
  addDaemon(program, output);
  addTrainer(program, output);
  addBars(program, output);
  addFeatures(program, output);
  addTrain(program, output);
  addFit(program, output);
  addReplay(program, output);
  addModels(program, output);
  addSignal(program, output);
  addConfig(program, output);
  addDoctor(program, output);
  addBench(program, output);
  addSim(program, output);
  addDocs(program, output);
  acceptJsonEverywhere(program);
  return program;
}

/** `--json` may stand behind any command, and every command reports misuse instead of ending the process. */
function acceptJsonEverywhere(command: Command): void {
  for (const sub of command.commands) {
    if (!sub.options.some(({ long }) => long === '--json'))
      sub.option('--json', 'one JSON document on standard output');
    sub.exitOverride().showHelpAfterError('(add --help to see what this command takes)');
    acceptJsonEverywhere(sub);
  }
}
