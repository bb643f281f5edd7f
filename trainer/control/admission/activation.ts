import { activate } from '../../../shared/bundle/bundle.ts';
import { activateDirection } from '../../../shared/bundle/direction/active_direction.ts';
import type { ActivePointer } from '../../../shared/bundle/pointer.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Admitted } from './admission.ts';

/**
 * Makes an admitted bundle of the models folder the active one: the only way to write a pointer to active models in an
 * installation.
 * @throws MinutehandError as activate and activateDirection
 */
export function activateAdmitted(
  { version, timeframe, despite }: Admitted,
  paths: Pick<HomePaths, 'models' | 'home'>,
): ActivePointer {
  if (timeframe === null) return activate(paths.models, version, MACHINE_FILES, trainerMarks(paths), despite);
  const { previous } = activateDirection(paths.models, version, paths.home, despite);
  return { version, previous };
}

/** The same in a folder of bundles that is no installation's: it has no marks. */
export function activateInFolder({ version, despite }: Admitted, folder: string): ActivePointer {
  return activate(folder, version, MACHINE_FILES, null, despite);
}
