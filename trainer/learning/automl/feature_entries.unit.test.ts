import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FEATURE_FILE, readFeatureFile } from '../../../shared/policy/feature_file.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { candidatesOf, GENERATORS, WINDOW_BARS } from './candidates.ts';
import { withEntries } from './feature_entries.ts';

it('puts entries that the feature file has, behind what a person wrote', () => {
  const { minutehand } = loadSettings({ env: {} });
  const { windows } = minutehand;
  const candidates = candidatesOf({ generators: GENERATORS, windowBars: WINDOW_BARS, most: 60, seed: 3, windows });
  const folder = mkdtempSync(join(tmpdir(), 'entries'));
  try {
    for (const before of ['', '# my own', 'mine: ema(a.close, 24) / a.close - 1']) {
      const text = withEntries(before, candidates, 'Found by a "search": yes');
      expect(text.startsWith(before)).toBe(true);
      writeFileSync(join(folder, FEATURE_FILE), text);
      const { formulas, problems } = readFeatureFile(folder, minutehand).pairs;
      expect(problems).toEqual([]);
      const found = formulas.filter(({ name }) => name !== 'mine');
      expect(found.map(({ name, text: formula }) => [name, formula])).toEqual(
        candidates.map(({ name, text: formula }) => [name, formula]),
      );
      expect(found[0]!.description).toBe('Found by a "search": yes');
      expect(formulas.length - found.length).toBe(before.startsWith('mine') ? 1 : 0);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
