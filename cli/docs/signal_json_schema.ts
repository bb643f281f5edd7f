import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { signalSchema } from '../../shared/signal/verify.ts';

/** JSON Schema of one signal, for docs/signal.schema.json. */
export function signalJsonSchema(): object {
  return { title: 'minutehand.signal/2', ...z.toJSONSchema(signalSchema) };
}

export function writeSignalSchema(path: string): void {
  writeFileSync(path, `${JSON.stringify(signalJsonSchema(), null, 2)}\n`);
}
