import { Option } from 'commander';
import { COST_MODELS } from '../shared/policy/costs.ts';

/** `--costs`, for `Command.addOption`. */
export function costsOption(): Option {
  return new Option('--costs <model>', 'spreads by minute of the week (profile), or one per symbol (flat)')
    .choices(COST_MODELS)
    .default('profile');
}
