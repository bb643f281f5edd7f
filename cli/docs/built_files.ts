import { jsonSchemas } from '../../shared/policy/json_schema.ts';
import { renderDashboard } from './dashboard.ts';
import * as z from 'zod';
import { INSTRUMENT_SIGNAL_SCHEMA } from '../../shared/signal/instrument_signal.ts';
import { instrumentSignalSchema } from '../../shared/signal/verify_instrument.ts';
import { signalSchema } from '../../shared/signal/verify.ts';

/** JSON Schema of the signal of a pair. */
function signalJsonSchema(): object {
  return { title: 'minutehand.signal/2', ...z.toJSONSchema(signalSchema) };
}

/** JSON Schema of the signal of an instrument. */
function instrumentJsonSchema(): object {
  return { title: INSTRUMENT_SIGNAL_SCHEMA, ...z.toJSONSchema(instrumentSignalSchema) };
}


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
