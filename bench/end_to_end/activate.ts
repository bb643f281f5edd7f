import { activateAdmitted, activateInFolder } from '../../shared/bundle/admission/activation.ts';
import type { Admitted } from '../../shared/bundle/admission/admission.ts';
import type { Timeframe } from '../../shared/pair.ts';

/** Makes models of a benchmark active in its own folder. They are random trees: no gate judges them. */
export function activateUnjudged(modelsFolder: string, version: string): void {
  const admitted = { door: 'folder', version, timeframe: null, despite: null };
  activateInFolder(admitted as unknown as Admitted<'folder'>, modelsFolder);
}

/** The same of a direction model. */
export function activateUnjudgedDirection(models: string, version: string, timeframe: Timeframe, home: string): void {
  const admitted = { door: 'promotion', version, timeframe, despite: null };
  activateAdmitted(admitted as unknown as Admitted<'promotion'>, { models, home });
}
