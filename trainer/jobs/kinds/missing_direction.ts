import type { ErrorCode } from '../../../shared/errors.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { RuleMarket } from './rule_market.ts';

const PROBABILITIES = 'ML_UP_PROB, ML_DOWN_PROB or ML_RANGE_PROB';

/**
 * Refuses what reads the probabilities of a direction model where none is given: they would be missing at every bar.
 * @param reads whether it reads them
 * @throws MinutehandError USAGE
 */
export function refuseMissingDirection(
  what: 'a rule' | 'a space',
  reads: boolean,
  { direction }: Pick<RuleMarket, 'direction'>,
): void {
  if (!reads || direction !== null) return;
  throw missingDirection('USAGE', what, '--direction <version or folder of a direction model>');
}

/** @param expected how a command, or a request, names the model */
export function missingDirection(code: ErrorCode, what: 'a rule' | 'a space', expected: string): MinutehandError {
  return new MinutehandError(code, { seen: `${what} that reads ${PROBABILITIES} without a direction model`, expected });
}
