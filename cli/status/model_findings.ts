import { gatesText } from '../../shared/bundle/recorded_gates.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { foreignModels, standingOverrides, type StandingOverride } from '../../trainer/control/admission/standing.ts';
import type { Finding } from './findings.ts';

const REPLACE = 'Train better ones, or `minutehand models rollback`.';

/** Problems of the models that the pointers name, whether or not anything runs. */
export function modelFindings(settings: Settings, modelsFolder: string): Finding[] {
  const problem = (text: string, next: string): Finding => ({ weight: 'problem', about: 'models', text, next });
  return [
    ...foreignModels(settings, modelsFolder).map(({ slot, version, code, message, next }) =>
      problem(`${version} (${slot}) is not for this configuration, and daemons refuse it. ${code}: ${message}`, next),
    ),
    ...standingOverrides(modelsFolder).map((one) => problem(overrideText(one), REPLACE)),
  ];
}

/** `20261120_0830 (pairs) is in use despite failed gates, by ann since …: “…”. ai1 auc: seen …` */
export function overrideText({ slot, version, gates, reason, by, at }: StandingOverride): string {
  const person = by === '' ? '' : `, by ${by}`;
  const since = at === '' ? '' : ` since ${at}`;
  const why = reason === '' ? 'no reason was recorded' : `reason: ${reason}`;
  return `${version} (${slot}) is in use despite failed gates${person}${since}; ${why}. ${gatesText(gates)}`;
}
