import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BODY_FIELDS, ENVELOPE_FIELDS } from '../../shared/signal/signal.ts';
import { signalJsonSchema, writeSignalSchema } from './signal_json_schema.ts';

describe('the JSON schema of a signal', () => {
  it('requires every field and is written as JSON', () => {
    const schema = signalJsonSchema();
    expect(schema).toMatchObject({
      title: 'minutehand.signal/2',
      required: [...BODY_FIELDS, ...ENVELOPE_FIELDS],
      additionalProperties: false,
    });
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-schema-'));
    try {
      writeSignalSchema(join(folder, 'signal.json'));
      const text = readFileSync(join(folder, 'signal.json'), 'utf8');
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(schema)));
      expect(text.endsWith('}\n')).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
