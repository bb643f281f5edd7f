import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { RolloutSimulation } from '../../trainer/control/rollout/simulation/rollouts.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';

const FAILED = 1;
/** Share of wrong ends of equal challengers that is allowed. */
const WRONG_SHARE_MAX = 0.05;
/** Standard errors by which the share of promoted improvements may differ from the stated power. */
const POWER_ERRORS = 3;

interface SimRolloutFlags {
  readonly earlier: string;
  readonly equal: string;
  readonly regressions: string;
  readonly improvements: string;
}

export function addSimRollout(sim: Command, output: () => Output): void {
  sim
    .command('rollout')
    .summary('staged rollouts of equal, worse and better challengers')
    .description(
      'Runs rollouts by retrain_policy.yaml on simulated scores, evaluated every minute: equal challengers, planted regressions, and real improvements. Exit code 1 when more than 5 % of the equal ones are promoted or aborted, a regression is not aborted within the loss budget, or the share of promoted improvements differs from the stated power by more than 3 standard errors.',
    )
    .option(
      '--earlier <n>',
      'candidates before that were not promoted: each raises the e-value that promotion needs',
      '0',
    )
    .option('--equal <n>', 'rollouts of an equal challenger', '1000')
    .option('--regressions <n>', 'rollouts of worse challengers', '100')
    .option('--improvements <n>', 'rollouts of better challengers', '100')
    .action((flags: SimRolloutFlags) => run(flags, output()));
}

async function run(flags: SimRolloutFlags, output: Output): Promise<void> {
  const { powerError, simulateRollouts } = await import('../../trainer/control/rollout/simulation/rollouts.ts');
  const { rolloutRules } = await import('../../trainer/control/rollout/rules.ts');
  const counts = {
    equal: parseCount(flags.equal),
    regressions: parseCount(flags.regressions),
    improvements: parseCount(flags.improvements),
  };
  const earlier = Array.from({ length: parseCount(flags.earlier) }, () => false);
  const rules = rolloutRules(loadSettings().retrain, earlier);
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const result = simulateRollouts(rules, counts, (done, total) => progress.update('Rollouts', done, total));
  progress.stop();
  const failures = failuresOf(result, powerError);
  for (const line of linesOf(result)) output.line(line);
  output.line(failures.length === 0 ? 'All within their limits.' : `Failed: ${failures.join('; ')}.`);
  output.result({ ...result, failures });
  if (failures.length > 0) process.exitCode = FAILED;
}

function linesOf({ equal, regressions, improvements }: RolloutSimulation): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    `${equal.rollouts} equal challengers: ${equal.promoted} promoted, ${equal.aborted} aborted (${percent(equal.wrongShare)} wrong)`,
    `${regressions.rollouts} regressions: ${regressions.aborted} aborted, ${regressions.withinBudget} within the loss budget, greatest loss ${regressions.greatestLossBps.toFixed(1)} bps`,
    ...regressions.byKind.map(
      ({ kind, rollouts, aborted, days, lossBps }) =>
        `  ${kind.padEnd(18)} ${aborted} of ${rollouts} aborted, after at most ${days.toFixed(1)} days and ${lossBps.toFixed(1)} bps`,
    ),
    `${improvements.rollouts} improvements (${improvements.size}): ${improvements.promoted} promoted, ${improvements.aborted} aborted, stated power ${percent(improvements.statedPower)} ± ${percent(improvements.statedError)}`,
  ];
}

/** What is beyond its limit, in words. */
function failuresOf(
  { equal, regressions, improvements }: RolloutSimulation,
  powerError: (improvements: RolloutSimulation['improvements']) => number,
): string[] {
  const { promoted, rollouts, statedPower } = improvements;
  const error = powerError(improvements);
  const isOff = rollouts > 0 && Math.abs(promoted / rollouts - statedPower) > POWER_ERRORS * error;
  return [
    ...(equal.rollouts > 0 && equal.wrongShare > WRONG_SHARE_MAX ? ['equal challengers'] : []),
    ...(regressions.withinBudget < regressions.rollouts ? ['regressions'] : []),
    ...(isOff ? ['power'] : []),
  ];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,6}$/.test(text)) throw new MinutehandError('USAGE', { seen: text, expected: 'a whole number' });
  return count;
}
