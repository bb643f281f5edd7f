import { counted } from '../../shared/counted.ts';
import { Option, type Command } from 'commander';
import { urlOf } from '../../shared/address.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { priceText } from '../../shared/price_text.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MAX_MONEY, type Fill } from '../../shared/fill/fill.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { startEa, WAYS, type RunningEa, type Way } from '../ea/ea.ts';
import { statusLines } from '../ea/status.ts';
import type { Output } from '../output.ts';
import { paperSizeText } from '../paper_size.ts';
import { addPairsOption, configuredPairs, type PairsFlags } from '../pairs_option.ts';
import { parseInteger } from '../period.ts';
import { stopSignal } from '../stop_signal.ts';
import { addExportSignals } from './ea_export.ts';
import { addInstallAdvisor } from './ea_install.ts';
import { applyMarket, marketOption, type PartMessage } from './processes.ts';

interface EaFlags extends PairsFlags {
  readonly via: Way;
  readonly url?: string;
  readonly name: string;
  readonly equity: string;
  readonly risk: string;
  readonly maxOpenPairs: string;
  readonly market?: string;
}

const DRAW_MS = 500;
/** No broker lends so many times the equity. */
const GREATEST_RISK = 1000;
const NARROW = 80;
const SHORT = 24;

export function addEa(program: Command, output: () => Output): void {
  const ea = program
    .command('ea')
    .description(
      'A reference consumer: implements docs/reference/PROTOCOL.md and trades on paper, never with money. An order is filled at once at the closes of the signal’s bar, half the spread and ' +
        'the slippage of config/minutehand.yaml worse; commission is taken at the close, overnight swaps are not. Each fill is a line of <home>/ea/<name>_paper/result.json. ' +
        'Ctrl-C ends it and leaves positions open; the next start continues with them. While <home>/KILL (beside the folder ea) is there, nothing is entered and all is closed.',
    )
    .addOption(new Option('--via <way>', 'how signals are received').choices(WAYS).default('file'))
    .option(
      '--url <address>',
      'with --via ws: the daemon’s address (default: as configured, ws://127.0.0.1:7400/signals)',
    );
  addPairsOption(ea, 'only these pairs, comma-separated (default: all configured)')
    .option('--name <name>', 'name of its folder; concurrent ones need different names', 'terminal')
    .option('--equity <amount>', 'paper money at the first start', '10000')
    .option('--risk <share>', 'gross notional of both legs as a share of the equity, at a position_scale of 1', '0.5')
    .option('--max-open-pairs <n>', 'further entries are refused', '5')
    .addOption(marketOption())
    .action((flags: EaFlags) => {
      applyMarket(flags.market);
      return run(flags, output());
    });
  addExportSignals(ea, output);
  addInstallAdvisor(ea, output);
}

async function run(flags: EaFlags, output: Output): Promise<void> {
  const stopping = stopSignal('ea');
  const settings = loadSettings();
  const pairIds = configuredPairs(flags, settings);
  if (!/^[\w-]{1,40}$/.test(flags.name))
    throw new MinutehandError('USAGE', { seen: `--name ${flags.name}`, expected: 'letters, digits, - and _' });
  const counts = { open: 0, close: 0, refused: 0 };
  const screen = createScreen(output);
  let failed: (error: unknown) => void = () => undefined;
  const failure = new Promise<{ error: unknown }>((resolve) => (failed = (error) => resolve({ error })));
  const ea = startEa({
    settings,
    paths: homePaths(),
    clock: MACHINE_CLOCK,
    way: flags.via,
    pairIds,
    name: flags.name,
    url: flags.url ?? daemonUrl(settings),
    equity: positive(flags.equity, '--equity', MAX_MONEY),
    risk: positive(flags.risk, '--risk', GREATEST_RISK),
    maxOpenPairs: parseInteger(flags.maxOpenPairs, '--max-open-pairs', 1),
    onFill(fill) {
      counts[fill.kind]++;
      screen.print(fillLine(fill));
    },
    onFailure: (error) => failed(error),
  });
  screen.print(
    `Paper trading of ${counted(pairIds.length, 'pair')}, market ${settings.minutehand.market}, by ${flags.via}. Fills: ${ea.folder}/result.json`,
  );
  process.send?.({ ready: { port: null } } satisfies PartMessage);
  const drawing = setInterval(() => screen.draw(ea), DRAW_MS);
  const ended = await Promise.race([stopping.then(() => null), failure]);
  clearInterval(drawing);
  screen.draw(ea);
  await ea.stop();
  if (ended !== null) throw ended.error;
  const held = ea.agent.views().filter(({ side }) => side !== 0);
  const stay = held.length === 1 ? '1 position stays' : `${held.length} positions stay`;
  screen.print(`Ended with ${ea.agent.equity().toFixed(2)} ${ea.currency}; ${stay} open for the next start.`);
  output.result({
    folder: ea.folder,
    opened_legs: counts.open,
    closed_legs: counts.close,
    refused: counts.refused,
    open_positions: held.map(({ positionId }) => positionId),
    equity: ea.agent.equity(),
    currency: ea.currency,
  });
}

function daemonUrl({ minutehand }: Settings): string {
  return `${urlOf(minutehand.transports.daemon, 'ws')}/signals`;
}

function positive(text: string, option: string, greatest: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= greatest))
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: `a number above 0, up to ${greatest}` });
  return value;
}

/** `08:26:03  open   XAUUSD_XAGUSD  A SELL 5001.50 USD of XAUUSD at 4099.59` */
function fillLine(fill: Fill): string {
  const { kind, pair_id, leg, side, symbol, pnl, reason, time_ms, currency } = fill;
  const head = `${new Date(time_ms).toISOString().slice(11, 19)}  ${kind.padEnd(7)}  ${pair_id}`;
  if (fill.kind === 'refused') return `${head}  ${fill.error}`;
  const { lots, filled_price } = fill;
  const earned = pnl === null ? '' : `  ${pnl >= 0 ? '+' : ''}${pnl.toFixed(2)} ${currency} (${reason})`;
  const size = paperSizeText(lots, filled_price, currency, symbol);
  return `${head}  ${leg} ${side} ${size} at ${priceText(filled_price)}${earned}`;
}

/** A block of lines that is redrawn on a terminal, below the printed lines; elsewhere only the printed lines. */
function createScreen(output: Output): { print(line: string): void; draw(ea: RunningEa): void } {
  const { stdout } = process;
  const isDrawn = stdout.isTTY === true && !output.json;
  let drawn: string[] = [];
  const erase = (): void => void (drawn.length > 0 && stdout.write(`\x1b[${drawn.length}A\x1b[0J`));
  const show = (): void => void (drawn.length > 0 && stdout.write(`${drawn.join('\n')}\n`));
  return {
    print(line) {
      if (isDrawn) erase();
      output.print(line);
      if (isDrawn) show();
    },
    draw({ agent, source, currency }) {
      if (!isDrawn) return;
      erase();
      const head = { equity: agent.equity(), currency, source: source.state(), killed: agent.killed };
      // More lines than the terminal has could not be erased again.
      drawn = statusLines(agent.views(), head, Date.now(), stdout.columns || NARROW).slice(
        0,
        (stdout.rows || SHORT) - 1,
      );
      show();
    },
  };
}
