import { sign, verify, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { MinutehandError } from '../errors.ts';
import { keyName, signingKey, trustedKeys } from './signature.ts';

const DAY_MS = 86_400_000;

export const sealShape = {
  /** Rises with each write. Absent in a file of an earlier version, or written by hand. */
  serial: z.int().min(1).optional(),
  expires: z.iso.datetime().optional(),
  /** `keyName` of the public key. */
  key: z.string().optional(),
  /** Ed25519 over `signedBytes`. */
  signature: z.base64().optional(),
};
export const sealSchema = z.object(sealShape);
/** Protects a pointer file against rollback, freezing and forgery. */
export type Seal = Readonly<z.infer<typeof sealSchema>>;

/** A kind of pointer file. Serials and high-water marks are per kind. */
export interface PointerKind<Pointer> {
  /** `active`: names the marks (`active_mark_*.json`), and stands in the signed bytes. */
  readonly name: string;
  /** For messages, such as `active.json`. */
  readonly file: string;
  readonly schema: z.ZodType<Pointer>;
  /** What is signed beside serial and expiry. */
  content(pointer: Pointer): readonly unknown[];
  /** Identifies the content: one per serial. */
  label(pointer: Pointer): string;
  sealOf(pointer: Pointer): Seal;
  /** Command that writes a newer pointer; by default that of the error. */
  readonly next?: string;
}

/** A kind that its holder may write. */
export interface WritableKind<Pointer> extends PointerKind<Pointer> {
  withSeal(pointer: Pointer, seal: Seal): Pointer;
}

/** Of the pointer as a reader has it: members in the order of the schema, whatever the order of the writer's. */
function signedBytes<Pointer>(kind: PointerKind<Pointer>, pointer: Pointer): Buffer {
  const read = kind.schema.parse(pointer);
  const { serial, expires } = kind.sealOf(read);
  const signed = [...kind.content(read), serial ?? null, expires ?? null];
  return Buffer.from(`minutehand.${kind.name}/1\n${JSON.stringify(signed)}\n`);
}

/** Why no trusted key has signed a pointer; null when one has. */
export function sealRefusal<Pointer>(
  kind: PointerKind<Pointer>,
  pointer: Pointer,
  trusted: readonly KeyObject[],
): string | null {
  const { key, signature } = kind.sealOf(pointer);
  if (key === undefined || signature === undefined) return 'is not signed';
  const signer = trusted.find((one) => keyName(one) === key);
  if (signer === undefined) return `is signed by ${key}`;
  const isSigned = verify(null, signedBytes(kind, pointer), signer, Buffer.from(signature, 'base64'));
  return isSigned ? null : `does not have the content that ${key} signed`;
}

/**
 * Seals a pointer, signed when there is a key.
 * @param mustSign a signed one has been accepted before
 * @throws MinutehandError KEY_UNUSABLE when the readers would refuse it
 */
export function sealPointer<Pointer>(
  kind: WritableKind<Pointer>,
  pointer: Pointer,
  { serial, expires }: Pick<Seal, 'serial' | 'expires'>,
  mustSign: boolean,
): Pointer {
  const unsigned = kind.withSeal(pointer, { serial, ...(expires !== undefined && { expires }) });
  const key = signingKey();
  const sealed = key === null ? unsigned : signed(kind, unsigned, key);
  const trusted = trustedKeys();
  const refusal = trusted === null ? null : sealRefusal(kind, sealed, trusted);
  if (refusal === null || (key === null && !mustSign)) return sealed;
  const seen = `${kind.file} ${refusal}: MINUTEHAND_SIGNING_KEY`;
  throw new MinutehandError('KEY_UNUSABLE', { seen, expected: `${trusted!.map(keyName).join(' or ')}` });
}

function signed<Pointer>(kind: WritableKind<Pointer>, pointer: Pointer, key: KeyObject): Pointer {
  const signature = sign(null, signedBytes(kind, pointer), key).toString('base64');
  return kind.withSeal(pointer, { ...kind.sealOf(pointer), key: keyName(key), signature });
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
