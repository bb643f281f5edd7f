import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAEMON_METRICS, PROCESS_METRICS } from '../daemon/metrics/metrics.ts';
import { packageRoot } from '../shared/root.ts';
import { TRAINER_METRICS } from '../trainer/control/metrics/metrics.ts';
import { HAS_PROMTOOL, PROMTOOL_NOTE, promtool } from './promtool.ts';

const PATH = join(packageRoot(), 'config', 'prometheus', 'rules.yaml');
const declared = new Set([...DAEMON_METRICS, ...PROCESS_METRICS, ...TRAINER_METRICS].map(({ name }) => String(name)));
const namesIn = (text: string): string[] => [...new Set(text.match(/\bminutehand_[a-z_]+/g))];

describe('config/prometheus/rules.yaml', () => {
  it('names only declared metrics', () => {
    const named = namesIn(readFileSync(PATH, 'utf8'));
    expect(named.length).toBeGreaterThan(12);
    const histograms = named.map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    expect(named.filter((name, i) => !declared.has(name) && !declared.has(histograms[i]!))).toEqual([]);
  });

  it.runIf(HAS_PROMTOOL)(`is accepted by promtool${PROMTOOL_NOTE}`, () => {
    expect(promtool(['check', 'rules', PATH])).toEqual({
      status: 0,
      output: expect.stringContaining('SUCCESS') as string,
    });
  });
});
