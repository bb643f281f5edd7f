import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { FileImports } from './file_imports.ts';

const AS_IT_SHOWS = { decimal: null, dateOrder: null, stamp: null, spread: null };

it('a preview that does not end in time is ended, has a code of its own, and leaves no file', async () => {
  const endless = [process.execPath, '-e', 'setInterval(() => undefined, 1000)', '--'];
  const imports = new FileImports(endless, 300);
  const file = {
    name: 'EURUSD.csv',
    text: 'time,open',
    symbol: null,
    timezone: null,
    epochTimezone: null,
    ...AS_IT_SHOWS,
  };
  await expect(imports.preview(file)).rejects.toMatchObject({ code: 'PREVIEW_TIMEOUT' });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('minutehand-preview-'))).toEqual([]);
});
