import { join } from 'node:path';
import { writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { homePaths } from '../../shared/home.ts';
import type { DirectionLeagueJob } from '../../trainer/jobs/kinds/direction_league_job.ts';
import type { LeagueJob } from '../../trainer/jobs/kinds/league_job.ts';
import { runLeagueJob } from '../../trainer/jobs/kinds/run_league.ts';
import { runDirectionLeague } from '../../trainer/jobs/strategies/direction/run_league.ts';
import { writeTrendingHours } from './direction_part.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';
import { LEARNED_MINUTES, type Workshop } from './workshop.ts';

/** Of the machine: they are left out. */
const OF_MACHINE: readonly string[] = ['seconds', 'memory_mb', 'serving'];

function withoutMachine<Report extends { readonly entrants: readonly object[] }>(report: Report): Value {
  const entrants = report.entrants.map((entrant) =>
    Object.fromEntries(Object.entries(entrant).filter(([name]) => !OF_MACHINE.includes(name))),
  );
  return asValue({ ...report, entrants });
}

const NO_WINDOW = { from: null, to: null, days: null } as const;
const TRIGGER = { code: 'command', values: { command: 'golden' } } as const;

function contextOf(workshop: Workshop, name: string) {
  const { settings } = workshop;
  const paths = homePaths({ MINUTEHAND_HOME: workshop.folder(`${name} home`) });
  return { settings, paths, gitCommit: null, onProgress: () => undefined, onNote: () => undefined };
}

const pairsPart: GoldenPart = {
  name: 'league',
  what: 'a league of the pairs: logistic, gbdt, gbdt with baseline columns',
  figures: ['entrants/length', 'best'],
  async measure(workshop) {
    const folder = workshop.folder('league bars');
    for (const columns of workshop.firstBars(LEARNED_MINUTES).values())
      await writeBarFile(join(folder, `${columns.symbol}.csv`), columns);
    const job: LeagueJob = {
      kind: 'league',
      market: 'simulated',
      window: NO_WINDOW,
      seed: 3,
      source: { folder },
      parameters: { holdout_from: null, entrants: ['logistic', 'gbdt', 'gbdt@baseline'], seeds: 2 },
      resources: { workers: 0, cache: false },
      trigger: TRIGGER,
    };
    return withoutMachine(await runLeagueJob(job, contextOf(workshop, 'league')));
  },
};

const directionPart: GoldenPart = {
  name: 'direction_league',
  what: 'a league of direction models of an instrument: gbdt, without weights of classes, logistic',
  figures: ['entrants/length', 'best'],
  async measure(workshop) {
    const folder = await writeTrendingHours(workshop.folder('direction league bars'), ['BTCUSDT'], 2000);
    const job: DirectionLeagueJob = {
      kind: 'direction_league',
      market: 'simulated',
      timeframe: '1h',
      symbols: ['BTCUSDT'],
      window: NO_WINDOW,
      seed: 3,
      source: { folder, series: null },
      parameters: { entrants: ['gbdt', 'gbdt@none', 'logistic'], taker_fee_bps: 5, slippage_bps: 1 },
      // On this thread, which no job of a user can ask for.
      resources: { workers: 0, cache: false },
      trigger: TRIGGER,
    };
    const context = { ...contextOf(workshop, 'direction league'), onJoined: () => undefined };
    return withoutMachine(await runDirectionLeague(job, context));
  },
};

export const LEAGUE_PARTS: readonly GoldenPart[] = [pairsPart, directionPart];
