import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { activateAdmitted, activateInFolder } from '../../shared/bundle/admission/activation.ts';
import type { Admitted, UnmarkedBundle } from '../../shared/bundle/admission/admission.ts';
import { shelfOfSlot } from '../../shared/bundle/shelves/registry.ts';
import type { Timeframe } from '../../shared/pair.ts';
import { sha256Hex } from '../../shared/sha256.ts';
import { directionSlot } from '../../shared/subject/slot.ts';

/** Makes models of a benchmark active in its own folder. They are random trees: no gate judges them. */
export function activateUnjudged(modelsFolder: string, version: string): void {
  const manifestHash = hashOf(join(modelsFolder, version));
  const own: UnmarkedBundle<'folder'> = {
    door: 'folder',
    version,
    slot: 'pairs',
    manifestHash,
    despite: null,
    fence: null,
  };
  activateInFolder(own as Admitted<'folder'>, modelsFolder);
}

function hashOf(folder: string): string {
  return sha256Hex(readFileSync(join(folder, 'manifest.json')));
}

/** The same of a direction model. */
export function activateUnjudgedDirection(models: string, version: string, timeframe: Timeframe, home: string): void {
  const slot = directionSlot(timeframe);
  const manifestHash = hashOf(join(shelfOfSlot(slot).folder(models), version));
  const own: UnmarkedBundle<'promotion'> = {
    door: 'promotion',
    version,
    slot,
    manifestHash,
    despite: null,
    fence: null,
  };
  activateAdmitted(own as Admitted<'promotion'>, { models, home });
}
