import { jsonSchemas } from '../../shared/policy/json_schema.ts';
import { renderDashboard } from './dashboard.ts';
import { instrumentJsonSchema, signalJsonSchema } from './signal_json_schema.ts';

/**
 * What a build makes from the sources beside dist/, by path: JSON Schemas of the configuration, which editors find by
 * the first line of its files, and of signals; the dashboard for Grafana. A released package has them.
 */
export function builtFiles(): Readonly<Record<string, string>> {
  const schemas = {
    ...jsonSchemas(),
    'signal.schema.json': signalJsonSchema(),
    'instrument.schema.json': instrumentJsonSchema(),
  };
  const texts = Object.entries(schemas).map(([name, schema]): [string, string] => [
    `config/schema/${name}`,
    `${JSON.stringify(schema, null, 2)}\n`,
  ]);
  return { ...Object.fromEntries(texts), 'config/grafana/minutehand.json': renderDashboard() };
}
