import { MinutehandError } from '../../../shared/errors.ts';
import { oneLine } from '../../../shared/one_line.ts';
import { EVENTS } from '../../store/schema/events.ts';

/**
 * A silence is obeyed without a word: one for keys that no alert can have, such as a misspelt event, would let its
 * owner believe that a message is held back. A key is an event, or an event, a colon and what it concerns.
 * @throws MinutehandError SILENCE_PATTERN
 */
export function checkSilencePattern(pattern: string): void {
  const isPossible = Object.keys(EVENTS).some((event) => canMatch(pattern, event));
  if (!isPossible)
    throw new MinutehandError('SILENCE_PATTERN', {
      seen: oneLine(pattern),
      expected: `an event such as ${Object.keys(EVENTS).slice(0, 3).join(', ')}, alone or with a colon and what it concerns; * stands for any text`,
    });
}

/** Whether a key of this event can match. */
function canMatch(pattern: string, event: string): boolean {
  const star = pattern.indexOf('*');
  const literal = star < 0 ? pattern : pattern.slice(0, star);
  if (literal === event || literal.startsWith(`${event}:`)) return true;
  return star >= 0 && event.startsWith(literal);
}
