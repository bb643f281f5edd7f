import { homePaths } from '../shared/home.ts';
import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import type { AdmissionPlace } from '../shared/bundle/admission/admission.ts';
import type { AdoptionPlace } from '../trainer/control/adoption/adopt_trained.ts';
import type { ShelfName } from '../shared/strategies/registry.ts';
import { withRegistry } from '../trainer/control/registry/outcome.ts';
import type { Registry } from '../trainer/control/registry/registry.ts';
import { whileStoreReturns } from '../trainer/store/store_patience.ts';

/** This installation, for the admission of bundles. */
export function admissionPlace(settings: Settings = loadSettings()): AdmissionPlace {
  return {
    settings,
    paths: homePaths(),
    registered: (version, shelf) => withOwnRegistry((registry) => registry.verdictsOf(version), shelf),
    promotionFence: (market, present) => withOwnRegistry((registry) => registry.promotionFence(market, present)),
  };
}

/** All that is done with it may be done again. */
function withOwnRegistry<Result>(work: (registry: Registry) => Promise<Result>, shelf?: ShelfName): Promise<Result> {
  return whileStoreReturns(() => withRegistry(process.env, homePaths(), work, shelf));
}

/**
 * This installation, for the adoption of trained bundles.
 * @param note receives remarks
 */
export function adoptionPlace(settings: Settings, note: AdoptionPlace['note']): AdoptionPlace {
  return {
    ...admissionPlace(settings),
    paths: homePaths(),
    withRegistry: withOwnRegistry,
    note,
  };
}
