import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAEMON_METRICS, PROCESS_METRICS } from '../daemon/metrics/metrics.ts';
import { HALT_REASONS } from '../shared/bundle/halts.ts';
import { OVERRIDES, PLACES } from '../shared/policy/environment.ts';
import { packageRoot } from '../shared/root.ts';
import { TRAINER_METRICS } from '../trainer/control/metrics/metrics.ts';

const read = (name: string): string => readFileSync(join(packageRoot(), 'docs', name), 'utf8');
const operations = read('guides/OPERATE.md');
const metricsOf = (text: string): string[] => [...new Set(text.match(/`minutehand_[a-z_]+(?:\{[a-z_,]+\})?`/g))].sort();
/** First cells of the tables below a level-three heading. */
const rowsBelow = (heading: string): string[] => {
  const section = operations.slice(operations.indexOf(`\n### ${heading}\n`)).split(/\n##/)[1]!;
  return [...section.matchAll(/^\| ?`([a-z_]+)` *\|/gim)].map(([, cell]) => cell!);
};

describe('docs/guides/OPERATE.md', () => {
  it('names only existing metrics', () => {
    const known = [...DAEMON_METRICS, ...PROCESS_METRICS, ...TRAINER_METRICS].map(({ name, labels = [] }) => {
      return labels.length === 0 ? `\`${name}\`` : `\`${name}{${labels.join()}}\``;
    });
    const section = operations.slice(operations.indexOf('\n## Metrics\n')).split('\n## ')[1]!;
    const named = metricsOf(section);
    expect(named.length).toBeGreaterThan(12);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('describes the response to every KPI that halts', () => {
    expect(rowsBelow('Live KPI halts')).toEqual(HALT_REASONS);
  });

  it('names no environment variable that does not exist', () => {
    const known = [...OVERRIDES, ...PLACES].map(({ variable }) => variable);
    const named = [...new Set(operations.match(/MINUTEHAND_[A-Z_]+/g))];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});
