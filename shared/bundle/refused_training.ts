import { counted } from '../counted.ts';
import { MACHINE_FILES } from '../files.ts';
import { pathInside } from '../path_name.ts';
import type { Market } from '../bar_file/bar_sink.ts';
import { listVersions, readManifest } from './bundle.ts';
import { gateSteps } from './gates/gate_steps.ts';
import type { Manifest } from './manifest.ts';
import { gatesText, recordedGates, type FailedGate } from './recorded_gates.ts';

/** A training of pairs on bars of this market that was the last one, and did not pass. */
export interface RefusedTraining {
  readonly version: string;
  readonly failed: readonly FailedGate[];
}

/** Of more bundles than these, older ones are no longer what a person has just tried. */
const LOOKED_AT = 20;
const SHOWN_GATES = 3;
const SHOWN_STEPS = 2;

/** null: the newest bundle of pairs of this market has passed, there is none, or it cannot be read. */
export function refusedTraining(modelsFolder: string, market: Market): RefusedTraining | null {
  const newest = versionsIn(modelsFolder).slice(-LOOKED_AT).reverse();
  for (const version of newest) {
    const manifest = manifestOf(modelsFolder, version);
    if (manifest === null || manifest.market !== market) continue;
    const { failed } = recordedGates(manifest);
    return failed.length === 0 ? null : { version, failed };
  }
  return null;
}

/** Why the last training was refused. */
export function refusalText({ version, failed }: RefusedTraining): string {
  const shown = gatesText(failed.slice(0, SHOWN_GATES));
  const more = failed.length > SHOWN_GATES ? '; …' : '';
  return `The last training (${version}) was refused by ${counted(failed.length, 'gate')}: ${shown}${more}.`;
}

/** What would change it: the same bars give the same models. */
export function afterRefusal({ failed }: RefusedTraining): string {
  const steps = gateSteps(failed).slice(0, SHOWN_STEPS);
  return `${steps.length === 0 ? 'See its card.' : steps.join(' ')} Then train again: on the same bars it gives the same.`;
}

function versionsIn(modelsFolder: string): readonly string[] {
  try {
    return listVersions(modelsFolder, MACHINE_FILES);
  } catch {
    return [];
  }
}

function manifestOf(modelsFolder: string, version: string): Manifest | null {
  try {
    return readManifest(pathInside(modelsFolder, version));
  } catch {
    return null;
  }
}
