import { Option, type Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import type { PlantedBug } from '../../sim/planted.ts';
import type { SeedReport } from '../../sim/sim.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { addSimRollout } from './sim_rollout.ts';

const FAILED = 1;
const MAX_SHOWN = 10;

interface SimFlags {
  readonly seed?: string;
  readonly seeds?: string;
  readonly planted?: PlantedBug;
  readonly findPlanted?: true;
  readonly journalFaults?: true;
}

export function addSim(program: Command, output: () => Output): void {
  const sim = program
    .command('sim')
    .description(
      'Runs the daemon inside one process on simulated ports: clock, disk, Redis, feeder and expert advisors, with bars late, lost and doubled, kills, power ' +
        'cuts, full disks, clock steps and bad models. With every seed, consumers never act on a stale or repeated signal, features equal an ' +
        'uninterrupted run, nothing journaled is lost, the mode is right, and every pair is OK again within five minutes of the last fault. Exit code 1 when not, and when 2,000 seeds or more do not reach every one of the states that are counted.',
    )
    .option('--seed <n>', 'run this seed and print its trace')
    .option('--seeds <a..b>', 'run these seeds (default: 1..200)')
    .addOption(
      new Option('--planted <bug>', 'plant a bug deliberately, with --seed').choices([
        'lost_sync',
        'skipped_expiry',
        'short_recovery',
        'early_swap',
        'unjournaled_halts',
        'deaf_to_halts',
        'lost_shadows',
        'early_acknowledgment',
        'short_validity',
        'lost_fallback',
        'doubling_retry',
        'early_close',
        'kept_bar',
        'series_by_event',
        'ignored_revisions',
        'forgotten_series',
        'forgotten_positions',
        'forgotten_taker',
        'pooled_group',
        'early_others',
        'unjournaled_rules',
        'cached_lease',
      ] satisfies PlantedBug[]),
    )
    .option('--journal-faults', 'every world has a journal that is slow, refuses, or loses its thread')
    .option('--find-planted', 'print the seed at which each planted bug is found')
    .action((flags: SimFlags) => runSim(flags, output()));
  addSimRollout(sim, output);
}

async function runSim(flags: SimFlags, output: Output): Promise<void> {
  const modes = [flags.seed, flags.seeds, flags.findPlanted].filter((flag) => flag !== undefined);
  if (modes.length > 1) throw new MinutehandError('USAGE', { expected: 'one of --seed, --seeds and --find-planted' });
  if (flags.planted !== undefined && flags.seed === undefined)
    throw new MinutehandError('USAGE', { seen: '--planted without --seed', expected: '--planted <bug> --seed <n>' });
  if (flags.findPlanted) return findAll(output);
  if (flags.seed !== undefined) return runOne(parseSeed(flags.seed), flags, output);
  return runMany(parseSeeds(flags.seeds ?? '1..200'), flags.journalFaults === true, output);
}

async function runOne(seed: number, { planted, journalFaults }: SimFlags, output: Output): Promise<void> {
  const { runSeed } = await import('../../sim/sim.ts');
  const report = await runSeed({
    seed,
    planted: planted ?? null,
    hasJournalFaults: journalFaults === true,
    trace: (line) => output.line(line),
  });
  output.line(summaryOf(report));
  output.result(report);
  if (report.violations.length > 0) process.exitCode = FAILED;
}

function summaryOf({
  violations,
  simulatedHours,
  signals,
  accepted,
  opens,
  boots,
  powerCuts,
  compared,
}: SeedReport): string {
  const verdict =
    violations.length === 0 ? 'clean' : `${violations.length} violations, the first: ${violations[0]!.rule}`;
  return (
    `${verdict}. ${simulatedHours.toFixed(1)} h, ${signals} signals, ${compared} of them equal to an uninterrupted run, ` +
    `${accepted} accepted, ${opens} positions opened, ${boots} starts, ${powerCuts} power cuts`
  );
}

async function runMany(
  { from, to }: { from: number; to: number },
  hasJournalFaults: boolean,
  output: Output,
): Promise<void> {
  const { runSeeds } = await import('../../sim/sim.ts');
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['The worlds so far were simulated; nothing was written.'] });
  const report = await runSeeds({
    from,
    to,
    hasJournalFaults,
    onSeed({ seed, violations }) {
      for (const { rule } of violations.slice(0, 1)) output.note(`seed ${seed}: ${rule}`);
      progress.update('Seeds', seed - from + 1, to - from + 1);
    },
  });
  progress.stop();
  const { failed, seeds, simulatedHours, simulatedHoursPerSecond, signals, accepted, opens, boots, powerCuts } = report;
  output.line(
    `${seeds} seeds, ${simulatedHours.toFixed(0)} simulated hours (${simulatedHoursPerSecond.toFixed(1)} per second): ${signals} signals, ` +
      `${accepted} accepted, ${opens} positions opened, ${boots} starts, ${powerCuts} power cuts`,
  );
  const { SIGHTINGS, neverSeen } = await import('../../sim/sightings.ts');
  output.line(`States reached, in seeds: ${SIGHTINGS.map((name) => `${name} ${report.sightings[name]}`).join(', ')}.`);
  output.line(
    `Slowest recovery after the last fault: ${(report.slowestRecoveryMs / 60_000).toFixed(1)} simulated minutes.`,
  );
  const unseen = neverSeen(seeds, report.sightings);
  output.result({ ...report, unseen });
  if (unseen.length > 0) {
    output.line(`States that no seed reached, and that are therefore not tested: ${unseen.join(', ')}.`);
    process.exitCode = FAILED;
  }
  const first = failed[0];
  if (first === undefined) return output.line('No invariant was violated.');
  for (const { seed, rule, what } of failed.slice(0, MAX_SHOWN)) output.line(`seed ${seed}: ${rule}: ${what}`);
  output.line(
    `${failed.length} seeds failed. The first one with its trace: npx minutehand sim --seed ${first.seed}${hasJournalFaults ? ' --journal-faults' : ''}`,
  );
  process.exitCode = FAILED;
}

async function findAll(output: Output): Promise<void> {
  const { findPlanted, MAX_SEEDS_TO_FIND } = await import('../../sim/sim.ts');
  const { PLANTED } = await import('../../sim/planted.ts');
  const found: Record<string, { readonly seed: number; readonly rule: string } | null> = {};
  for (const [name, words] of Object.entries(PLANTED)) {
    const result = await findPlanted(name as PlantedBug);
    found[name] = result;
    output.line(
      result === null
        ? `${name} (${words}): not found within ${MAX_SEEDS_TO_FIND} seeds`
        : `${name} (${words}): found at seed ${result.seed}: ${result.rule}`,
    );
    if (result === null) process.exitCode = FAILED;
  }
  output.result(found);
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new MinutehandError('USAGE', { seen: `seed ${text}`, expected: 'a whole number such as 7' });
  return seed;
}

function parseSeeds(text: string): { from: number; to: number } {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2]);
  if (match === null || !(from <= to))
    throw new MinutehandError('USAGE', { seen: `--seeds ${text}`, expected: 'two numbers such as 1..200' });
  return { from, to };
}
