import { gateText } from '../../shared/bundle/gates/gate_text.ts';
import { hasNoVerdict } from '../../shared/bundle/gates/gate_result.ts';
import { gatesText } from '../../shared/bundle/recorded_gates.ts';
import { readActive, readManifest } from '../../shared/bundle/bundle.ts';
import { pathInside } from '../../shared/path_name.ts';
import { verdictOfManifest } from '../../shared/plain_verdict/of_manifest.ts';
import { readPointerFile } from '../../shared/bundle/pointer.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import {
  refusedModels,
  refusedShadows,
  standingName,
  standingOverrides,
  standingRejections,
  type Standing,
  type StandingOverride,
  type StandingRejections,
} from '../../trainer/control/admission/standing.ts';
import type { Finding } from './findings.ts';
import { isRuleSlot, subjectOfRule, type ModelSlotId } from '../../shared/subject/slot.ts';
import { timeframeOfSlot } from '../../shared/subject/written_names.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

const TRAIN =
  'Train new models with this version: `minutehand train --adopt`, `minutehand train --strategy direction`.';

/** The command that replaces models with overridden gates; it differs for pairs, direction models and challengers. */
function replacement({ slot, role, version }: StandingOverride, modelsFolder: string): string {
  if (role === 'challenger') return 'End its rollout: `minutehand rollout abort`.';
  if (isRuleSlot(slot)) return `End it: \`minutehand strategy stop ${subjectOfRule(slot)}\`, or promote a better one.`;
  const timeframe = timeframeOfSlot(slot);
  const train = timeframe === null ? '`minutehand train --adopt`' : '`minutehand train --strategy direction`';
  if (!hasPredecessor(modelsFolder, slot, version)) return `Train better ones: ${train}.`;
  return `Train better ones (${train}), or \`minutehand models rollback${timeframe === null ? '' : ` --direction ${timeframe}`}\`.`;
}

/** Whether there is a version to roll back to. */
function hasPredecessor(modelsFolder: string, slot: ModelSlotId, version: string): boolean {
  try {
    const pointer = readPointerFile(filesOf(modelsFolder, slot).active, MACHINE_FILES);
    return pointer !== null && pointer.previous !== null && pointer.previous !== version;
  } catch {
    return false;
  }
}

/** What is wrong with the models of a slot. */
export interface ModelProblem extends Standing {
  readonly version: string;
  /** Whether a person uses them on purpose, and has said why. */
  readonly isStated: boolean;
  readonly text: string;
  readonly next: string;
}

/**
 * Of all models that the pointers name, whether or not anything runs: refused ones, shadows whose pointer is refused,
 * and those in use despite gates.
 * @param rejections those of the registry count too, where they are given
 */
export function modelProblems(
  settings: Settings,
  paths: Pick<HomePaths, 'models' | 'home'>,
  rejections?: StandingRejections,
): ModelProblem[] {
  return [
    ...[...refusedModels(settings, paths), ...refusedShadows(paths)].map((refused) => {
      const { slot, role, version, code, message, next } = refused;
      const place = standingName(refused);
      const named = version === '' ? `the pointer of ${place}` : `${version} (${place})`;
      return { slot, role, version, isStated: false, text: `daemons refuse ${named}. ${code}: ${message}`, next };
    }),
    ...standingOverrides(paths.models, rejections).map((one) => {
      const { slot, role, version, reason } = one;
      const own = { slot, role, version, isStated: reason !== '' };
      return isUnproven(one)
        ? { ...own, text: unprovenText(one), next: TRAIN }
        : { ...own, text: overrideText(one), next: replacement(one, paths.models) };
    }),
  ];
}

export async function modelFindings(settings: Settings, paths: HomePaths): Promise<Finding[]> {
  const problems = modelProblems(settings, paths, await standingRejections(paths));
  return problems.map(({ text, next }) => ({ weight: 'problem', about: 'models', text, next }));
}

/** That the active models of pairs will not trade, and what could change that; nothing where they will. */
export function verdictFindings({ core }: Settings, { models }: Pick<HomePaths, 'models'>): Finding[] {
  // Pairs without an edge are entered as well.
  if (!core.require_edge) return [];
  try {
    const active = readActive(models);
    if (active === null) return [];
    const { will_trade, text } = verdictOfManifest(readManifest(pathInside(models, active.version)));
    return will_trade ? [] : [{ weight: 'note', about: 'verdict', text, next: '' }];
  } catch {
    // What is wrong with them is a finding of its own.
    return [];
  }
}

/** Whether nothing failed: an earlier version, which did not check these gates, made and activated the bundle. */
function isUnproven({ gates, reason }: StandingOverride): boolean {
  return reason === '' && gates.every(hasNoVerdict);
}

/** `20261120_0830 (pairs) is in use without a verdict of ai1 skill, …`. */
function unprovenText(one: StandingOverride): string {
  const { version, gates } = one;
  const names =
    gates.length === 1 && gates[0]!.code === 'gates' ? 'any gate' : gates.map((gate) => gateText(gate).name).join(', ');
  return `${version} (${standingName(one)}) is in use without a verdict of ${names}: an earlier version made it. It keeps serving`;
}

/** `20261120_0830 (pairs) is in use despite failed gates, by ann since …: “…”. ai1 auc: seen …` */
function overrideText(one: StandingOverride): string {
  const { version, gates, reason, by, at } = one;
  const person = by === '' ? '' : `, by ${by}`;
  const since = at === '' ? '' : ` since ${at}`;
  const why = reason === '' ? 'no reason was recorded' : `reason: ${reason}`;
  return `${version} (${standingName(one)}) is in use despite failed gates${person}${since}; ${why}. ${gatesText(gates)}`;
}
