import { registeredShelf } from '../../shared/bundle/shelf_name.ts';
import type { Command } from 'commander';
import { readRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { admit, type Override } from '../../shared/bundle/admission/admission.ts';
import { withRegistry } from '../../trainer/control/registry/outcome.ts';
import { shadowPower } from '../../trainer/control/rollout/shadow_power.ts';
import {
  abortRollout,
  carryOut,
  folderOfChallenger,
  lookAtRollout,
  startRollout,
  type RolloutLook,
  type RolloutPlace,
} from '../../trainer/control/rollout/steps.ts';
import type { Outlook } from '../../trainer/control/rollout/verdict.ts';
import { followInMetadata } from '../../trainer/control/registry/metadata_views.ts';
import { tellStart } from '../../trainer/control/adoption/adopt_trained.ts';
import { admissionPlace, adoptionPlace } from '../admission_place.ts';
import type { Output } from '../output.ts';
import { despiteGatesOption, overrideOf, reasonOption, type OverrideFlags } from '../override_option.ts';
import { applyMarket, marketOption } from './processes.ts';
import { whenUnlocked } from '../../shared/process/home_lock.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';
import { isRuleSlot, subjectOfRule } from '../../shared/subject/slot.ts';

interface MarketFlag {
  readonly market?: string;
}

export function addRollout(program: Command, output: () => Output): void {
  const rollout = program
    .command('rollout')
    .description(
      'Stages, shares and limits are in retrain_policy.yaml. The trainer evaluates the active rollout; state is in models/rollout.json.',
    );
  rollout
    .command('start')
    .argument('<version>', 'the challenger: models of pairs, a direction model, or a rule, of the models folder')
    .addOption(marketOption())
    .addOption(despiteGatesOption())
    .addOption(reasonOption())
    .description(
      'verifies the challenger, refuses failed or unknown gates, prints the power from its shadow period, and begins the first stage',
    )
    .action((version: string, flags: MarketFlag & OverrideFlags) =>
      start(version, placeOf(flags.market), overrideOf(flags), output()),
    );
  rollout
    .command('status')
    .addOption(marketOption())
    .description('stage, evidence and verdict of the newest rollout')
    .action(({ market }: MarketFlag) => status(placeOf(market), output()));
  rollout
    .command('advance')
    .addOption(marketOption())
    .description('evaluates the active rollout now, as the trainer does')
    .action(({ market }: MarketFlag) => advance(placeOf(market), output()));
  rollout
    .command('abort')
    .argument('[reason]', 'for the record', 'by hand')
    .description('ends the active rollout: from the next bar the champion decides alone')
    .action(async (reason: string) => {
      const { id, status: end } = await whenUnlocked(() => abortRollout(homePaths(), reason));
      output().written({ target: id, after: { status: end, reason } });
      output().line(`Rollout ${id} is ${end}; the champion answers from the next bar on.`);
      output().result({ id, status: end, reason });
    });
}

function placeOf(market: string | undefined): RolloutPlace {
  applyMarket(market);
  return { settings: loadSettings(), paths: homePaths() };
}

async function start(version: string, place: RolloutPlace, override: Override | null, output: Output): Promise<void> {
  const folder = folderOfChallenger(place.paths.models, version);
  const admitted = await admit(admissionPlace(place.settings), { door: 'rollout', folder, override });
  const shelf = registeredShelf(admitted.slot);
  if (shelf !== null) await withRegistry(process.env, homePaths(), (registry) => registry.register(version), shelf);
  const power = await shadowPower(place, admitted);
  const rollout = await whenUnlocked(() => startRollout(place, admitted, power));
  const { id, champion, despite_gates } = rollout;
  output.written({ target: version, after: { id, champion, ...(despite_gates && { despite_gates }) } });
  await tellStart(
    rollout,
    adoptionPlace(place.settings, (text) => output.note(text)),
  );
  output.line(`${describe(rollout)}. ${powerText(power, rollout)}`);
  output.line(
    `Promotion needs an e-value of ${rollout.promotion_e_value.toFixed(0)} (false-discovery control over ${rollout.history.length + 1} candidates).`,
  );
  output.result(rollout);
}

function shortOf({ stage, status: end, reason }: Rollout): object {
  return { stage, status: end, reason };
}

function powerText(power: number | null, rollout: Rollout): string {
  if (isRuleSlot(slotOfRollout(rollout))) return 'Its power is not known: rules are compared by what they earn.';
  return power === null
    ? 'Power is unknown: the challenger has no shadow period with enough labels.'
    : `Power ${(100 * power).toFixed(0)} %: the probability that a challenger as good as in its shadow period is promoted in time.`;
}

async function status(place: RolloutPlace, output: Output): Promise<void> {
  const look = await lookAtRollout(place);
  if (look !== null) {
    for (const line of linesOf(look)) output.line(line);
    return output.result(resultOf(look, look.rollout));
  }
  const rollout = readRollout(place.paths.models);
  output.line(rollout === null ? 'There was no rollout yet.' : describe(rollout));
  output.result(rollout === null ? { rollout } : { rollout, verdict: rollout.status });
}

async function advance(place: RolloutPlace, output: Output): Promise<void> {
  const look = await lookAtRollout(place);
  if (look === null) throw new MinutehandError('ROLLOUT_STATE', { seen: 'no rollout is active' });
  const after = await carryOut(place, look, admissionPlace(place.settings));
  const isChanged = after.status !== look.rollout.status || after.stage !== look.rollout.stage;
  output.written(isChanged ? { target: after.id, before: shortOf(look.rollout), after: shortOf(after) } : null);
  for (const line of linesOf({ ...look, rollout: after })) output.line(line);
  output.result(resultOf(look, after));
  if (after.status === 'promoted') await tellRegistry(after, output);
}

/** The pointer counts; a registry that cannot be reached follows at the next start of the trainer. */
async function tellRegistry(rollout: Rollout, output: Output): Promise<void> {
  const shelf = registeredShelf(slotOfRollout(rollout));
  if (shelf === null) return;
  try {
    await withRegistry(process.env, homePaths(), (registry) => registry.mend(), shelf);
  } catch (error) {
    output.note(`The registry is not updated yet: ${describeError(error).message}`);
  }
  followInMetadata(homePaths().models, (text) => output.note(text));
}

function describe(rollout: Rollout): string {
  const { id, challenger, champion, stage, share, status, reason, updates } = rollout;
  const end = status === 'active' ? '' : `, ${status}${reason === '' ? '' : `: ${oneLine(reason)}`}`;
  const slot = slotOfRollout(rollout);
  const ofModels = slot === 'pairs' ? '' : `${slot}, `;
  const of = isRuleSlot(slot) ? `rule of ${subjectOfRule(slot)}, ` : ofModels;
  const update = updates === undefined ? '' : `update ${updates.length}, `;
  return `Rollout ${id}: ${of}${update}${challenger} against ${champion}, stage ${stage} (${100 * share} % of entries)${end}`;
}

function linesOf({ rollout, facts, verdict, outlook, intervals, lossBps }: RolloutLook): string[] {
  const interval = ([low, high]: readonly [number, number]): string => `${low.toFixed(3)} to ${high.toFixed(3)}`;
  const hours = (ms: number): string => `${(ms / 3_600_000).toFixed(1)} h`;
  const isOfRules = isRuleSlot(slotOfRollout(rollout));
  return [
    describe(rollout),
    `${hours(facts.inStageMs)} in this stage, ${hours(facts.sinceStartMs)} in all, ${facts.labels} ${isOfRules ? 'bars of both' : 'matured labels'}`,
    `e-values: benefit ${facts.benefit.toFixed(2)} (promotion at ${rollout.promotion_e_value.toFixed(0)}), harm ${facts.harm.toFixed(2)} (abort at 20)`,
    isOfRules
      ? `advantage of a bar, 95 % at this evaluation: ${interval(intervals.logLoss)} of 200 bps`
      : `advantage, 95 % at this evaluation: log loss ${interval(intervals.logLoss)}, Brier ${interval(intervals.brier)}`,
    `behind the champion: ${lossBps.toFixed(2)} bps`,
    `next: ${outlookText(outlook)}`,
    `verdict: ${verdict.verdict}${'reason' in verdict ? `: ${oneLine(verdict.reason)}` : ''}`,
  ];
}

function outlookText({ next, blocked }: Outlook): string {
  return blocked.length === 0 ? next : `${next}, blocked: ${blocked.join('; ')}`;
}

function resultOf({ facts, verdict, outlook, intervals, lossBps }: RolloutLook, rollout: Rollout): object {
  const { verdict: name, ...rest } = verdict;
  return { rollout, verdict: name, ...rest, ...outlook, facts, intervals, loss_bps: lossBps };
}
