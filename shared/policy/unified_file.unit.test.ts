import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';
import { inspectSettings } from './policy.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-unified-'));
  cpSync(join(packageRoot(), 'config'), folder, { recursive: true });
  mkdirSync(join(folder, 'own'));
  file = join(folder, 'own', 'all.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const inspect = (text: string) => {
  writeFileSync(file, text);
  return inspectSettings({ configFile: file, env: {} });
};
const texts = (text: string): string[] => inspect(text).problems.map((one) => `${one.where} ${one.key} ${one.text}`);
/** The content of a delivered file, indented below its part. */
const contentOf = (name: string): string => readFileSync(join(folder, name), 'utf8').replaceAll(/^(?=.)/gm, '  ');
const PATHS = `minutehand: ../minutehand.yaml
core: ../core_policy.yaml
retrain: ../retrain_policy.yaml
signals: ../signals_policy.yaml
`;

describe('one file with the whole configuration', () => {
  it('is delivered, and gives the settings of the four files', () => {
    const delivered = inspectSettings({ configFile: join(folder, 'core', 'unified.yaml'), env: {} });
    expect(delivered.problems).toEqual([]);
    expect(delivered.settings).toEqual(inspectSettings({ configDir: folder, env: {} }).settings);
  });

  it('has the content of files in place of their paths, with the line of each problem', () => {
    const core = contentOf('core_policy.yaml');
    const text = `minutehand:\n${contentOf('minutehand.yaml')}\ncore:\n${core}\n`;
    const { settings, problems } = inspect(text);
    expect(problems).toEqual([]);
    expect(settings!.policyHash).toBe(inspectSettings({ configDir: folder, env: {} }).settings!.policyHash);
    expect(settings!.sources.files.core).toBe(file);
    // Without retrain and signals the delivered policy applies.
    expect(settings!.sources.delivered).toContain('retrain.retrain_cron');
    const wrong = text.replace('value: 0.70', 'value: 7');
    const line = wrong.split('\n').findIndex((one) => one.includes('value: 7')) + 1;
    expect(texts(wrong)).toEqual([expect.stringContaining(`${file}:${line}:5 theta1_initial.value is 7`) as string]);
  });

  it('takes what it says itself, beside the files that it names', () => {
    const { settings } = inspect(
      `${PATHS.replace('../signals_policy.yaml', '{archive_target: {value: NAS, label_ja: アーカイブ先}}')}`,
    );
    expect(settings!.signals.archive_target).toBe('NAS');
    expect(settings!.sources.configDir).toBe(folder);
  });

  it.each([
    ['nothing', '# nothing', ['is null, expected core']],
    ['a list', '- a', ['is ["a"], expected']],
    ['no minutehand', 'core: ../core_policy.yaml', ['minutehand is not there']],
    ['a misspelled part', `${PATHS}signal: a`, ['signal is not a part of the configuration (did you mean "signals"?)']],
    [
      'a number for a part',
      PATHS.replace('../core_policy.yaml', '7'),
      ['core is 7, expected the path of core_policy.yaml'],
    ],
    ['a file that is not there', PATHS.replace('../core', '../cor'), ['the file cannot be read (ENOENT)']],
  ])('is refused once with %s', (_name, text, expected) => {
    expect(texts(text)).toEqual(expected.map((one) => expect.stringContaining(one) as string));
  });

  it('is refused where it is not there', () => {
    expect(inspectSettings({ configFile: join(folder, 'none.yaml'), env: {} }).problems).toMatchObject([
      { code: 'CONFIG_MISSING' },
    ]);
  });
});
