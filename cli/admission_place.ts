import { homePaths } from '../shared/home.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import type { AdmissionPlace } from '../shared/bundle/admission/admission.ts';
import type { AdoptionPlace } from '../trainer/control/adoption/adopt_trained.ts';
import { withRegistry } from '../trainer/control/registry/outcome.ts';

/** This installation, for the admission of bundles. */
export function admissionPlace(settings: Settings = loadSettings()): AdmissionPlace {
  const paths = homePaths();
  return {
    settings,
    paths,
    registered: (version, shelf) => withRegistry(process.env, paths, (registry) => registry.verdictsOf(version), shelf),
    promotionFence: (market, present) =>
      withRegistry(process.env, paths, (registry) => registry.promotionFence(market, present)),
  };
}

/**
 * This installation, for the adoption of trained bundles.
 * @param note receives remarks
 */
export function adoptionPlace(settings: Settings, note: AdoptionPlace['note']): AdoptionPlace {
  const paths = homePaths();
  return {
    ...admissionPlace(settings),
    paths,
    withRegistry: (work, shelf) => withRegistry(process.env, paths, work, shelf),
    note,
  };
}
