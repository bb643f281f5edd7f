import { join } from 'node:path';
import type { Command } from 'commander';
import { readAddress, urlOf } from '../../shared/address.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { symbolsOf, type Timeframe, TIMEFRAME_NAMES, TIMEFRAMES } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, shardOf } from '../../shared/policy/policy.ts';
import { lockHomeSoon } from '../../shared/process/home_lock.ts';
import { openBinance } from '../collect/ccxt_exchange.ts';
import { Collector } from '../collect/collector.ts';
import { openDaemonClient } from '../collect/daemon_client.ts';
import { Outbox } from '../collect/outbox.ts';
import { parseSymbolList, symbolNames } from '../../shared/policy/symbol_names.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { stopSignal } from '../stop_signal.ts';

interface CollectFlags {
  readonly symbols?: string;
  readonly shard: string;
  readonly to?: string;
  readonly history: string;
  readonly timeframe: string;
  readonly poll: string;
  readonly exchangeUrl?: string;
}

export function addCollect(program: Command, output: () => Output): void {
  program
    .command('collect')
    .description(
      'Bars, funding, open interest, liquidations and order-book imbalance of Binance’s USDT-margined futures, until Ctrl-C or SIGTERM. Fills gaps after an outage. Needs the library ccxt (MINUTEHAND_CCXT: its folder).',
    )
    .option('--symbols <list>', 'such as BTCUSDT,ETHUSDT (default: those of the shard)')
    .option('--shard <name>', 'whose daemon is fed', 'main')
    .option('--to <url>', 'URL of the daemon (default: the local one); needs MINUTEHAND_TOKEN on another machine')
    .option('--history <minutes>', 'for a daemon without bars', '2880')
    .option('--timeframe <timeframe>', `bars into which liquidations are summed: ${TIMEFRAME_NAMES.join(', ')}`, '1h')
    .option('--poll <seconds>', 'between requests for funding and open interest', '60')
    .option('--exchange-url <url>', 'another server with Binance’s API, such as a test server')
    .action((flags: CollectFlags) => run(flags, output()));
}

async function run(flags: CollectFlags, output: Output): Promise<void> {
  const stopping = stopSignal('collect');
  const { minutehand } = loadSettings();
  const paths = homePaths();
  const { name, pairs, port } = shardOf(minutehand, flags.shard);
  const symbols =
    flags.symbols === undefined
      ? symbolsOf(pairs)
      : parseSymbolList(flags.symbols, '--symbols', symbolNames({ minutehand }));
  if (!Object.hasOwn(TIMEFRAMES, flags.timeframe))
    throw new MinutehandError('USAGE', {
      seen: `--timeframe ${flags.timeframe}`,
      expected: TIMEFRAME_NAMES.join(', '),
    });
  const exchange = await openBinance({ url: flags.exchangeUrl ?? null, folder: process.env['MINUTEHAND_CCXT'] });
  const unlock = await lockHomeSoon(paths.lock(`collect_${name}`));
  const ending = new AbortController();
  void stopping.then(() => ending.abort());
  const { host } = minutehand.transports.daemon;
  const daemonUrl = (): string => flags.to ?? urlOf(readAddress(paths.address(`daemon_${name}`)) ?? { host, port });
  try {
    await new Collector({
      exchange,
      daemon: openDaemonClient(daemonUrl, process.env['MINUTEHAND_TOKEN']),
      symbols,
      outbox: new Outbox(join(paths.home, `collect_${name}.json`)),
      historyMinutes: parseInteger(flags.history, '--history', 2),
      liquidationBarMs: TIMEFRAMES[flags.timeframe as Timeframe] * 1000,
      pollMs: parseInteger(flags.poll, '--poll', 1) * 1000,
      ending: ending.signal,
      nowMs: () => MACHINE_CLOCK.nowMs(),
      print: (line) => output.print(line),
    }).run();
  } finally {
    unlock();
  }
  output.print(`Ended: ${await stopping}.`);
  output.result({ ended: await stopping });
}
