import { InvalidArgumentError, Option } from 'commander';
import { TIMEFRAME_NAMES, type Timeframe } from '../shared/pair.ts';
import { spelledTimeframe } from '../shared/timeframe_spelling.ts';

/** An option that takes a timeframe in any common spelling: `1h`, `60m`, `H1`. */
export function timeframeOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(TIMEFRAME_NAMES).argParser(parseTimeframe);
}

function parseTimeframe(text: string): Timeframe {
  const timeframe = spelledTimeframe(text);
  if (timeframe === null) throw new InvalidArgumentError(`Allowed choices are ${TIMEFRAME_NAMES.join(', ')}.`);
  return timeframe;
}
