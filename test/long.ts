import { skipNote } from './skip_note.ts';

/** Whether long tests run: `npm run test:long`. */
export const IS_LONG = process.env['MINUTEHAND_LONG'] !== undefined;
/** For the end of such a test's title. */
export const LONG_NOTE = skipNote(!IS_LONG, 'npm run test:long runs it');
