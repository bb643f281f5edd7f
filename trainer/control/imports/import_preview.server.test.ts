import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { ImportPreviews } from './import_preview.ts';

const AS_IT_SHOWS = { decimal: null, dateOrder: null, stamp: null, spread: null };

it('a preview that does not end in time is ended, has a code of its own, and leaves no file', async () => {
  const endless = [process.execPath, '-e', 'setInterval(() => undefined, 1000)', '--'];
  const previews = new ImportPreviews(endless, 300);
  const file = {
    name: 'EURUSD.csv',
    text: 'time,open',
    symbol: null,
    timezone: null,
    epochTimezone: null,
    ...AS_IT_SHOWS,
  };
  await expect(previews.run(file)).rejects.toMatchObject({ code: 'PREVIEW_TIMEOUT' });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('minutehand-preview-'))).toEqual([]);
});
