import { readPointer } from '../../../shared/policy/approved.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';

/**
 * Creates a function that returns the approved configuration. A trainer takes it over between two trainings; daemons
 * have its decision policy from the next bar on. One that cannot be read leaves the last one.
 * @param loaded of this trainer
 */
export function currentSettings(loaded: Settings, paths: Pick<HomePaths, 'home' | 'policy'>): () => Settings {
  let current = loaded;
  let commit = loaded.sources.approved?.commit;
  return () => {
    try {
      const approved = readPointer(paths.policy)?.commit;
      if (approved === undefined || approved === commit) return current;
      current = loadSettings({ env: { ...process.env, MINUTEHAND_HOME: paths.home } });
      commit = approved;
    } catch {
      // Damaged: the next look tries again.
    }
    return current;
  };
}
