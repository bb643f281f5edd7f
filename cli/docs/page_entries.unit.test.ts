import { describe, expect, it } from 'vitest';
import { createProgram } from '../main.ts';
import { entriesNamed } from './page_entries.ts';
import { REFERENCE_PAGES, type ReferencePage } from './pages.ts';

const meaningOf = (page: string, entry: string): string[] =>
  entriesNamed(page, entry).map((cells) => cells.map(({ name, value }) => `${name}: ${value}`).join('; '));

describe('a row of a page', () => {
  const page =
    '# A\n\n|code|what|next|\n|---|---|---|\n|`A_B`|a \\| `b`|[c](d.md)|\n|`x{y}`|z||\n\n|gate|of|\n|---|---|\n|`a_b`|all|\n';

  it('is found by its first cell in any table, as plain text with the heads of its columns', () => {
    expect(meaningOf(page, 'a_b')).toEqual(['code: A_B; what: a | b; next: c', 'gate: a_b; of: all']);
    expect(meaningOf(page, 'x')).toEqual(['code: x{y}; what: z']);
    for (const entry of ['code', '---', 'a', '']) expect(meaningOf(page, entry)).toEqual([]);
  });

  it('explains a code, a gate, a metric, a column and a key of the configuration', async () => {
    const program = await createProgram();
    const render = (page: ReferencePage): string => REFERENCE_PAGES[page](program);
    const explained: Partial<Record<ReferencePage, string>> = {
      ERRORS: 'MODEL_GATES',
      GATES: 'samples',
      METRICS: 'minutehand_bars_total',
      FEATURES: 'z_score',
      CONFIGURATION: 'retrain_cron',
    };
    for (const [page, entry] of Object.entries(explained))
      expect(meaningOf(render(page as ReferencePage), entry)).toHaveLength(1);
  });
});
