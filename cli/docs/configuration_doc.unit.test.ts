import { describe, expect, it } from 'vitest';
import { renderConfigurationDoc, settingRows } from './configuration_doc.ts';
import { APPLIES, effectWords } from '../../shared/policy/applies.ts';
import { loadSettings } from '../../shared/policy/policy.ts';

const text = renderConfigurationDoc();

describe('the page of the configuration', () => {
  it('names every setting', () => {
    const { core, retrain, signals, minutehand } = loadSettings({ env: {} });
    const keys = [core, retrain, signals, minutehand.windows, minutehand.decision, minutehand.label].flatMap(
      Object.keys,
    );
    for (const key of keys) expect(text).toContain(`|\`${key}\`|`);
    for (const section of Object.keys(minutehand)) expect(text).toContain(`### ${section}\n`);
  });

  it('says of every key when it takes effect, as the pages and the commands of changes do', () => {
    const lines = text.split('\n');
    const rowOf = (key: string): string => lines.find((line) => line.startsWith(`|\`${key}\`|`))!;
    expect(rowOf('news_stop')).toContain('|bar|');
    expect(rowOf('theta1_initial')).toContain('|training|');
    expect(rowOf('retrain_cron')).toContain('|trainer|');
    for (const section of Object.keys(loadSettings({ env: {} }).minutehand)) {
      const at = lines.indexOf(`### ${section}`);
      expect(lines[at + 2]).toContain(`Takes effect ${effectWords(`minutehand.${section}`)}.`);
    }
    expect(text).toContain(`\`restart\` ${APPLIES.restart}`);
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
