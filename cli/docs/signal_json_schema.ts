import * as z from 'zod';
import { INSTRUMENT_SIGNAL_SCHEMA } from '../../shared/signal/instrument_signal.ts';
import { instrumentSignalSchema } from '../../shared/signal/verify_instrument.ts';
import { signalSchema } from '../../shared/signal/verify.ts';

/** JSON Schema of the signal of a pair. */
export function signalJsonSchema(): object {
  return { title: 'minutehand.signal/2', ...z.toJSONSchema(signalSchema) };
}

/** JSON Schema of the signal of an instrument. */
export function instrumentJsonSchema(): object {
  return { title: INSTRUMENT_SIGNAL_SCHEMA, ...z.toJSONSchema(instrumentSignalSchema) };
}
