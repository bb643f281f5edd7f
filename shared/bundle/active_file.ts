import { sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { MinutehandError } from '../errors.ts';
import type { Timeframe } from '../pair.ts';
import { keyName } from './signature.ts';

/** Form of a version: the minute of its making in UTC, and a number for a further one of that minute. */
export const VERSION = /^\d{8}_\d{4}(_\d+)?(-[0-9a-f]{8})?$/;

const DAY_MS = 86_400_000;

export const activeFileSchema = z.object({
  version: z.string().regex(VERSION),
  /** Absent where a person wrote the file: then there is no version to go back to. */
  previous: z.string().regex(VERSION).nullable().default(null),
  /** Rises with each write. Absent in a file of an earlier version, or written by hand. */
  serial: z.int().min(1).optional(),
  expires: z.iso.datetime().optional(),
  /** `keyName` of the public key. */
  key: z.string().optional(),
  /** Ed25519 over `signedBytes`. */
  signature: z.base64().optional(),
});
/** The content of a pointer to active models. */
export type ActiveFile = Readonly<z.infer<typeof activeFileSchema>>;

/** `active` of `active.json`, `direction_1h` of `direction/1h.json`: in names of marks and in signed bytes. */
export type PointerName = 'active' | `direction_${Timeframe}`;

/** `active.json`, `direction/1h.json`. */
export function pointerFile(name: PointerName): string {
  return `${name.replace('_', '/')}.json`;
}

export type UnsignedPointer = Pick<ActiveFile, 'version' | 'previous' | 'serial' | 'expires'>;

/** One pointer's signature is refused in the place of another. */
function signedBytes({ version, previous, serial, expires }: UnsignedPointer, name: PointerName): Buffer {
  const fields = JSON.stringify([version, previous, serial ?? null, expires ?? null]);
  return Buffer.from(`minutehand.${name}/1\n${fields}\n`);
}

/** @param key null = without a signature */
export function signPointer(pointer: UnsignedPointer, key: KeyObject | null, name: PointerName): ActiveFile {
  if (key === null) return pointer;
  const signature = sign(null, signedBytes(pointer, name), key).toString('base64');
  return { ...pointer, key: keyName(key), signature };
}

/** Why no trusted key has signed a pointer; null when one has. */
export function pointerRefusal(pointer: ActiveFile, trusted: readonly KeyObject[], name: PointerName): string | null {
  const { key, signature } = pointer;
  if (key === undefined || signature === undefined) return 'is not signed';
  const signer = trusted.find((one) => keyName(one) === key);
  if (signer === undefined) return `is signed by ${key}`;
  const isSigned = verify(null, signedBytes(pointer, name), signer, Buffer.from(signature, 'base64'));
  return isSigned ? null : `does not have the content that ${key} signed`;
}

/**
 * Days for which a written pointer is valid: MINUTEHAND_ACTIVE_EXPIRY_DAYS; null = for ever.
 * @throws MinutehandError SETTING_UNSUPPORTED
 */
export function expiryDays(env: NodeJS.ProcessEnv = process.env): number | null {
  const text = env['MINUTEHAND_ACTIVE_EXPIRY_DAYS'];
  if (text === undefined || text === '') return null;
  const days = Number(text);
  if (days > 0 && days <= 3650) return days;
  const seen = `MINUTEHAND_ACTIVE_EXPIRY_DAYS is ${text}`;
  throw new MinutehandError('SETTING_UNSUPPORTED', { seen, expected: 'days above 0, at most 3650' });
}

export function expiryOf(nowMs: number): { readonly expires?: string } {
  const days = expiryDays();
  return days === null ? {} : { expires: new Date(nowMs + days * DAY_MS).toISOString() };
}
