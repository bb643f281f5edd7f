import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { goLiveReport, type GoLiveReport } from '../../trainer/control/golive/report.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import { channelStatus, type ChannelStatus } from '../../trainer/control/notify/channels/open_channels.ts';
import type { Output } from '../output.ts';
import { lookAtTrainer } from '../status/trainer_state.ts';
import { applyMarket, marketOption } from './processes.ts';

const MARKS = { ok: '✓', todo: '✗', ask: '?' } as const;

export function addGoLive(program: Command, output: () => Output): void {
  program
    .command('golive')
    .description(
      'Checks each step from here to trading on paper: bars, clock, sessions, costs, history, models and their gates, notifications, backup, standby, consumer. Each with what was seen and its fix. Exit code 0 when paper trading can begin, 1 while a step is left.',
    )
    .addOption(marketOption())
    .addHelpText('after', '\nExamples:\n  minutehand golive\n  minutehand golive --json | jq .next')
    .action((flags: { market?: string }) => goLive(flags, output()));
}

async function goLive(flags: { market?: string }, output: Output): Promise<void> {
  applyMarket(flags.market);
  const paths = homePaths();
  const store = await openStoreIfThere(process.env, paths);
  try {
    const settings = loadSettings();
    const report = await goLiveReport(settings, paths, store, MACHINE_CLOCK.nowMs(), await channelsOf(settings, paths));
    for (const line of linesOf(report)) output.line(line);
    output.result(report);
    if (!report.ready_for_paper) process.exitCode = 1;
  } finally {
    await store?.close();
  }
}

/** Those of the trainer, which sends; where none answers, those that one would have that is started here. */
export async function channelsOf(settings: Settings, paths: HomePaths): Promise<ChannelStatus> {
  const { health } = await lookAtTrainer(settings, paths);
  return health?.channels ?? channelStatus(settings.retrain, process.env);
}

function linesOf({ checks, next }: GoLiveReport): string[] {
  return [
    ...checks.flatMap(({ id, verdict, seen, fix }) => [
      `${MARKS[verdict]} ${id.padEnd(14)} ${seen}`,
      ...(fix === '' ? [] : [`    → ${fix}`]),
    ]),
    '',
    next,
  ];
}
