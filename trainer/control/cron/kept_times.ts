import * as z from 'zod';
import { replaceDurably } from '../../../shared/durable_file.ts';
import type { FileSystem } from '../../../shared/ports.ts';

const SCHEMA = 'minutehand.schedules/1';
const file = z.strictObject({
  schema: z.literal(SCHEMA),
  schedules: z.record(z.string(), z.strictObject({ cron: z.string(), handled_ms: z.int() })),
});

/** Until when the times of a schedule are handled, kept over restarts. */
export interface KeptTime {
  /** Epoch ms; null when unknown, or kept for another expression. */
  read(): number | null;
  write(handledMs: number): void;
}

/** The kept time of one schedule of an installation. A file that cannot be read counts as absent. */
export function keptTime(files: FileSystem, path: string, name: string, cron: string): KeptTime {
  return {
    read() {
      const kept = readAll(files, path)[name];
      return kept?.cron === cron ? kept.handled_ms : null;
    },
    write(handledMs) {
      const schedules = { ...readAll(files, path), [name]: { cron, handled_ms: handledMs } };
      replaceDurably(files, path, `${JSON.stringify({ schema: SCHEMA, schedules })}\n`);
    },
  };
}

function readAll(files: FileSystem, path: string): z.infer<typeof file>['schedules'] {
  try {
    return file.parse(JSON.parse(files.read(path).toString('utf8'))).schedules;
  } catch {
    return {};
  }
}
