import { writeFileSync } from 'node:fs';
import * as z from 'zod';
import { INSTRUMENT_SIGNAL_SCHEMA } from '../../shared/signal/instrument_signal.ts';
import { instrumentSignalSchema } from '../../shared/signal/verify_instrument.ts';
import { signalSchema } from '../../shared/signal/verify.ts';

/** JSON Schema of one signal, for docs/signal.schema.json. */
export function signalJsonSchema(): object {
  return { title: 'minutehand.signal/2', ...z.toJSONSchema(signalSchema) };
}

/** The same of an instrument, for docs/instrument.schema.json. */
export function instrumentJsonSchema(): object {
  return { title: INSTRUMENT_SIGNAL_SCHEMA, ...z.toJSONSchema(instrumentSignalSchema) };
}

export function writeSignalSchema(path: string, schema = signalJsonSchema()): void {
  writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
}
