import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { DAEMON_METRICS, PROCESS_METRICS } from '../../daemon/metrics/metrics.ts';
import { CONFIG_FILES } from '../../shared/policy/schema.ts';
import { packageRoot } from '../../shared/root.ts';
import { BODY_FIELDS, ENVELOPE_FIELDS } from '../../shared/signal/signal.ts';
import { TRAINER_METRICS } from '../../trainer/control/metrics/metrics.ts';
import { builtFiles } from './built_files.ts';

const files = builtFiles();
const schemaOf = (name: string) => JSON.parse(files[`config/schema/${name}.schema.json`]!) as z.core.JSONSchema.BaseSchema;

describe.each(Object.values(CONFIG_FILES))('the JSON Schema of %s', (name) => {
  const text = readFileSync(join(packageRoot(), 'config', name), 'utf8');
  const schema = z.fromJSONSchema(schemaOf(name.replace('.yaml', '')));

  it('is the one that the first line of the file names', () => {
    const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)![1]!;
    expect(Object.keys(files)).toContain(`config/${named}`);
  });

  it('accepts the delivered file, and no other key', () => {
    const values = parse(text) as object;
    expect(schema.safeParse(values).error?.issues).toBeUndefined();
    expect(schema.safeParse({ ...values, unheard_of: 1 }).success).toBe(false);
  });

  it('refuses a value of another type for every key of the file', () => {
    const values = parse(text) as Record<string, object>;
    const accepted = Object.keys(values).filter((key) => schema.safeParse({ ...values, [key]: 1e300 }).success);
    expect(accepted).toEqual([]);
  });
});

it('the JSON Schema of a signal requires every field, and knows no other', () => {
  expect(schemaOf('signal')).toMatchObject({
    title: 'minutehand.signal/2',
    required: [...BODY_FIELDS, ...ENVELOPE_FIELDS],
    additionalProperties: false,
  });
  expect(schemaOf('instrument')).toMatchObject({ additionalProperties: false });
});

it('the Grafana dashboard has a panel for each declared metric', () => {
  const text = files['config/grafana/minutehand.json']!;
  expect(JSON.parse(text)).toMatchObject({ uid: 'minutehand' });
  const shown = new Set((text.match(/\bminutehand_[a-z_]+/g) ?? []).map((name) => name.replace(/_bucket$/, '')));
  const declared = [...DAEMON_METRICS, ...PROCESS_METRICS, ...TRAINER_METRICS].map(({ name }) => String(name));
  expect(declared.filter((name) => name.startsWith('minutehand_') && !shown.has(name))).toEqual([]);
});
