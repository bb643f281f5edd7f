import { Option } from 'commander';
import { STRATEGY_NAMES, type StrategyName } from '../shared/strategies/registry.ts';

const FLAG = '--strategy';

/** The strategy of `train` and `league` where none is named. */
export const USUAL_STRATEGY = STRATEGY_NAMES[0]!;

/** Strategies with a command of their own, such as `direction train` and `direction league` (`cli/main.ts`). */
const WITH_COMMAND: readonly StrategyName[] = ['direction'];

/** Of `train`; one of the others is trained by the job that schedule and requests begin. */
export function trainStrategyOption(): Option {
  return redirectingOption('train', 'what is traded: pairs, or instruments by the direction model', STRATEGY_NAMES);
}

/** Of `league`. */
export function leagueStrategyOption(): Option {
  return redirectingOption('league', 'whose learners: AI1 of pairs, or the direction model', [
    USUAL_STRATEGY,
    ...WITH_COMMAND,
  ]);
}

/** The options differ by strategy: `train --strategy direction --help` lists those of direction models. */
function redirectingOption(command: string, meaning: string, choices: readonly StrategyName[]): Option {
  return new Option(
    `${FLAG} <name>`,
    `${meaning}, whose options are others (\`${command} --strategy direction --help\`)`,
  )
    .choices(choices)
    .default(USUAL_STRATEGY);
}

/** Of `backtest`: a bundle has one strategy, so that it acts where none is named. */
export function backtestStrategyOption(): Option {
  return new Option(
    `${FLAG} <name>`,
    'that of --models (default: by the bundle); direction without --models: the active direction model',
  ).choices(STRATEGY_NAMES);
}

export interface SpelledCommand {
  /** The arguments with the command that does it. */
  readonly argv: readonly string[];
  /** What the former spelling is called now; null where it was not used. */
  readonly note: string | null;
}

/** Commands whose options differ by strategy: `train --strategy direction` is done by `direction train`. */
const REDIRECTED: readonly string[] = ['train', 'league'];
const OTHERS: readonly string[] = WITH_COMMAND;

/**
 * `train --strategy direction …` is done by `direction train …`, which is the former spelling of it and stays; `league`
 * likewise, by a command that is named nowhere else.
 * @param argv without the program
 */
export function spelledCommand(argv: readonly string[]): SpelledCommand {
  const first = argv.findIndex((argument) => argument !== '--json');
  const command = argv[first] ?? '';
  if (OTHERS.includes(command) && argv[first + 1] === 'train') {
    const isHelp = argv.includes('--help') || argv.includes('-h');
    const note = `\`${command} train\` is \`train ${FLAG} ${command}\` now; both do the same.`;
    return { argv, note: isHelp ? null : note };
  }
  if (!REDIRECTED.includes(command)) return { argv, note: null };
  const rest = argv.slice(first + 1);
  for (const strategy of OTHERS) {
    const others = withoutFlag(rest, strategy);
    if (others !== null) return { argv: [...argv.slice(0, first), strategy, command, ...others], note: null };
  }
  return { argv, note: null };
}

/** Arguments without `--strategy <name>`; null where they do not have it. */
function withoutFlag(argv: readonly string[], name: string): readonly string[] | null {
  const joined = argv.indexOf(`${FLAG}=${name}`);
  if (joined >= 0) return argv.toSpliced(joined, 1);
  const at = argv.findIndex((argument, i) => argument === FLAG && argv[i + 1] === name);
  return at < 0 ? null : argv.toSpliced(at, 2);
}
