import { expect, it } from 'vitest';
import { DEFAULT } from '../../shared/core/features/features.fixture.ts';
import { featureDefinitions } from '../../shared/core/features/features.ts';
import { renderFeaturesDoc } from './features_doc.ts';

it('the page of features has a row for every column, with its formula, in the order of the model input', () => {
  const page = renderFeaturesDoc(DEFAULT);
  const table = page.slice(page.indexOf('|column|'), page.indexOf('## Columns of an instrument'));
  const rows = table.split('\n').filter((line) => line.startsWith('|`'));
  const definitions = featureDefinitions(DEFAULT);
  expect(rows.map((row) => /^\|`(\w+)`\|/.exec(row)![1])).toEqual(definitions.map(({ name }) => name));
  for (const [index, { formula }] of definitions.entries())
    expect(rows[index]).toContain(`|${formula.replaceAll('|', '\\|')}|`);
});
