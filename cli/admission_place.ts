import { homePaths } from '../shared/home.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import type { AdmissionPlace } from '../shared/bundle/admission/admission.ts';
import { withRegistry } from '../trainer/control/registry/outcome.ts';

/** This installation, for the admission of bundles. */
export function admissionPlace(settings: Settings = loadSettings()): AdmissionPlace {
  const paths = homePaths();
  return {
    settings,
    paths,
    registered: (version) => withRegistry(process.env, paths, (registry) => registry.verdictsOf(version)),
  };
}
