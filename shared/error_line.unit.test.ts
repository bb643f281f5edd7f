import { expect, it } from 'vitest';
import { errorLine, partsOfErrorLine } from './error_line.ts';

it('has the next step behind the error, also where the error itself has an arrow', () => {
  const line = errorLine({ code: 'DATA_MISSING', message: 'No bars. Seen: 3 → 4.', next: 'Import some.' });
  expect(line).toBe('DATA_MISSING: No bars. Seen: 3 → 4. → Import some.');
  expect(partsOfErrorLine(line)).toEqual({ seen: 'DATA_MISSING: No bars. Seen: 3 → 4.', next: 'Import some.' });
  expect(errorLine({ code: 'DATA_MISSING', message: 'No bars.' })).toBe('DATA_MISSING: No bars.');
  expect(partsOfErrorLine('its trainer was killed')).toEqual({ seen: 'its trainer was killed', next: null });
});
