import type { FormulaError } from '../core/formula/formula_error.ts';
import { didYouMean, isSlip, nearest } from './spelling.ts';

/** The fault of a formula for a person: `column 14: …`, and the name that was probably meant. */
export function faultText(error: FormulaError): string {
  const { unknown, message } = error;
  if (unknown === null) return message;
  const closest = nearest(unknown.name, unknown.known);
  const isSlipped = closest !== undefined && isSlip(unknown.name, closest.edits);
  return isSlipped ? `${message}${didYouMean(unknown.name, unknown.known)}` : message;
}
