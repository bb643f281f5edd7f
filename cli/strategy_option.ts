import { Option } from 'commander';

/** What is traded, as `--strategy` names it. */
export const STRATEGIES = ['pair_reversion', 'direction'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

const FLAG = '--strategy';

/** Of `train`. */
export function trainStrategyOption(): Option {
  return redirectingOption('train', 'what is traded: pairs, or instruments by the direction model');
}

/** Of `league`. */
export function leagueStrategyOption(): Option {
  return redirectingOption('league', 'whose learners: AI1 of pairs, or the direction model');
}

/** The options differ by strategy: `train --strategy direction --help` lists those of direction models. */
function redirectingOption(command: string, meaning: string): Option {
  return new Option(
    `${FLAG} <name>`,
    `${meaning}, whose options are others (\`${command} --strategy direction --help\`)`,
  )
    .choices(STRATEGIES)
    .default('pair_reversion');
}

/** Of `backtest`: a bundle has one strategy, so that it acts where none is named. */
export function backtestStrategyOption(): Option {
  return new Option(
    `${FLAG} <name>`,
    'that of --models (default: by the bundle); direction without --models: the active direction model',
  ).choices(STRATEGIES);
}

export interface SpelledCommand {
  /** The arguments with the command that does it. */
  readonly argv: readonly string[];
  /** What the former spelling is called now; null where it was not used. */
  readonly note: string | null;
}

/** Commands that `--strategy direction` redirects to the subcommand of `direction` with the same name. */
const OF_DIRECTION: readonly string[] = ['train', 'league'];

/**
 * `train --strategy direction …` is done by `direction train …`, which is the former spelling of it and stays; `league`
 * likewise, by a command that is named nowhere else.
 * @param argv without the program
 */
export function spelledCommand(argv: readonly string[]): SpelledCommand {
  const first = argv.findIndex((argument) => argument !== '--json');
  if (argv[first] === 'direction' && argv[first + 1] === 'train') {
    const isHelp = argv.includes('--help') || argv.includes('-h');
    return { argv, note: isHelp ? null : '`direction train` is `train --strategy direction` now; both do the same.' };
  }
  const command = argv[first];
  if (command === undefined || !OF_DIRECTION.includes(command)) return { argv, note: null };
  const rest = argv.slice(first + 1);
  const at = rest.findIndex((argument, i) => argument === `${FLAG}=direction` || isPair(rest, i));
  if (at < 0) return { argv, note: null };
  const length = isPair(rest, at) ? 2 : 1;
  return { argv: [...argv.slice(0, first), 'direction', command, ...rest.toSpliced(at, length)], note: null };
}

function isPair(argv: readonly string[], at: number): boolean {
  return argv[at] === FLAG && argv[at + 1] === 'direction';
}
