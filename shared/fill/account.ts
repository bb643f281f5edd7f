import * as z from 'zod';
import { replaceDurably } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import type { FileSystem } from '../ports.ts';

/** Beside `result.json`: the money that a paper account began with. */
export const ACCOUNT_FILE = 'account.json';

const accountSchema = z.strictObject({
  schema: z.literal('minutehand.account/1'),
  /** Money at the first start, in `currency`. */
  equity: z.number().positive(),
  currency: z.string().min(1).max(20),
});

/** What a paper account began with. */
export type PaperAccount = Pick<z.infer<typeof accountSchema>, 'equity' | 'currency'>;

/**
 * @returns null when there is no file
 * @throws MinutehandError EA_STATE
 */
export function readAccount(files: FileSystem, path: string): PaperAccount | null {
  if (files.stat(path) === null) return null;
  try {
    const { equity, currency } = accountSchema.parse(JSON.parse(files.read(path).toString()));
    return { equity, currency };
  } catch (cause) {
    const seen = `${path}: ${cause instanceof z.ZodError ? 'other fields' : (cause as Error).message}`;
    throw new MinutehandError('EA_STATE', { seen, cause });
  }
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
export function writeAccount(files: FileSystem, path: string, { equity, currency }: PaperAccount): void {
  try {
    replaceDurably(files, path, `${JSON.stringify({ schema: 'minutehand.account/1', equity, currency })}\n`);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  }
}
