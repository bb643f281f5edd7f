import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { renderConfigurationDoc, settingRows } from './configuration_doc.ts';
import { loadSettings } from '../../shared/policy/policy.ts';

const text = renderConfigurationDoc();

describe('docs/reference/CONFIGURATION.md', () => {
  it('matches the schemas and the files of config/', () => {
    expect(readFileSync(join(packageRoot(), 'docs', 'reference', 'CONFIGURATION.md'), 'utf8')).toBe(text);
  });

  it('names every setting', () => {
    const { core, retrain, signals, minutehand } = loadSettings({ env: {} });
    const keys = [core, retrain, signals, minutehand.windows, minutehand.decision, minutehand.label].flatMap(
      Object.keys,
    );
    for (const key of keys) expect(text).toContain(`|\`${key}\`|`);
    for (const section of Object.keys(minutehand)) expect(text).toContain(`### ${section}\n`);
  });

  it('has rows for an optional section that the file lacks', () => {
    const udp = { properties: { port: { type: 'integer', description: 'Port.' } } };
    const rows = settingRows({ properties: { udp } }, {});
    expect(rows.map(([key, value, , meaning]) => [key, value, meaning])).toEqual([['`udp.port`', 'absent', 'Port.']]);
  });

  it('is CONFIG_MISSING for a folder without the files', () => {
    expect(() => renderConfigurationDoc('/nowhere')).toThrow(expect.objectContaining({ code: 'CONFIG_MISSING' }));
  });
});
