import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

it('every command that shows its progress answers Ctrl-C with what is kept', () => {
  const count = (text: string, words: RegExp): number => text.match(words)?.length ?? 0;
  const shown = readdirSync(join(packageRoot(), 'cli'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    // It passes on the progress of the command that it records, which answers.
    .filter((file) => file !== 'recorded_job.ts')
    .map((file) => ({ file, text: readFileSync(join(packageRoot(), 'cli', file), 'utf8') }))
    .map(({ file, text }) => ({
      file,
      begun: count(text, /\.progress\(\)/g),
      told: count(text, /tellWhenInterrupted\(/g),
    }))
    .filter(({ begun }) => begun > 0);
  expect(shown.length).toBeGreaterThan(15);
  expect(shown.filter(({ begun, told }) => told < begun)).toEqual([]);
});
