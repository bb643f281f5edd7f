import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT } from '../shared/core/features/features.fixture.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { renderStrategyHalves } from '../cli/docs/strategy_halves.ts';
import { STRATEGY_NAMES } from '../shared/strategies/registry.ts';
import { instrumentJsonSchema, signalJsonSchema } from '../cli/docs/signal_json_schema.ts';

const read = (name: string): string => readFileSync(join(packageRoot(), 'docs', name), 'utf8');

describe('generated documents (written by `npm run docs`)', () => {
  it('the page of features, tested with the features, has the windows of config/minutehand.yaml', () => {
    expect(loadSettings({ env: {} }).minutehand.windows).toEqual(DEFAULT);
  });

  it('the lists of the halves of strategies are those of the registry', () => {
    for (const [file, text] of Object.entries(renderStrategyHalves(STRATEGY_NAMES)))
      expect(readFileSync(join(packageRoot(), file), 'utf8'), file).toBe(text);
  });

  it('docs/signal.schema.json is the schema that signals are verified with', () => {
    expect(JSON.parse(read('signal.schema.json'))).toEqual(JSON.parse(JSON.stringify(signalJsonSchema())));
    expect(JSON.parse(read('instrument.schema.json'))).toEqual(JSON.parse(JSON.stringify(instrumentJsonSchema())));
  });
});
