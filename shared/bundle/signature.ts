import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { savedText } from '../csv/text_encoding.ts';
import { MinutehandError } from '../errors.ts';
import type { FileSystem } from '../ports.ts';
import { readModelsFile } from './models_file.ts';

/**
 * The author of a bundle: an Ed25519 signature (RFC 8032) of the manifest's bytes, which name the sha256 of every other
 * file. It is beside the manifest, not in it, so that the signed bytes need no canonical form and a new key can sign an
 * old bundle.
 */
export const SIGNATURE_FILE = 'manifest.sig';

const signatureSchema = z.strictObject({
  algorithm: z.literal('ed25519'),
  /** `keyName` of the public key. */
  key: z.string(),
  signature: z.base64(),
});

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;

/**
 * The name of a key in messages and signatures: the first 16 hex digits of the sha256 of its public part (SPKI, DER).
 */
export function keyName(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** The text of a signature file such as `manifest.sig`. */
export function signatureText(bytes: Uint8Array, key: KeyObject): string {
  const signature = sign(null, bytes, key).toString('base64');
  return `${JSON.stringify({ algorithm: 'ed25519', key: keyName(key), signature } satisfies z.infer<typeof signatureSchema>)}\n`;
}

/**
 * The private key that new bundles are signed by: the PEM file of MINUTEHAND_SIGNING_KEY; null = they are not.
 * @throws MinutehandError KEY_UNUSABLE
 */
export function signingKey(env: NodeJS.ProcessEnv = process.env): KeyObject | null {
  const path = env['MINUTEHAND_SIGNING_KEY'];
  if (path === undefined || path === '') return null;
  return readKeys(path, (pem) => [createPrivateKey(pem)])[0]!;
}

/**
 * The public keys that bundles must be signed by: the PEM file of MINUTEHAND_TRUSTED_KEYS, concatenated; null = any
 * bundle is accepted, signed or not.
 * @throws MinutehandError KEY_UNUSABLE
 */
export function trustedKeys(env: NodeJS.ProcessEnv = process.env): readonly KeyObject[] | null {
  const path = env['MINUTEHAND_TRUSTED_KEYS'];
  if (path === undefined || path === '') return null;
  return readKeys(path, (pem) => (pem.match(PUBLIC_KEY) ?? []).map((block) => createPublicKey(block)));
}

function readKeys(path: string, parse: (pem: string) => readonly KeyObject[]): readonly KeyObject[] {
  let keys: readonly KeyObject[];
  try {
    keys = parse(savedText(readFileSync(path)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MinutehandError('KEY_UNUSABLE', { seen: `${path}: ${reason}`, cause });
  }
  if (keys.length === 0) throw new MinutehandError('KEY_UNUSABLE', { seen: `${path} holds no public key` });
  const other = keys.find((key) => key.asymmetricKeyType !== 'ed25519');
  if (other !== undefined)
    throw new MinutehandError('KEY_UNUSABLE', {
      seen: `${path} holds a key of type ${other.asymmetricKeyType ?? 'unknown'}`,
      expected: 'ed25519',
    });
  return keys;
}

/**
 * Checks that a trusted key has signed these bytes of a bundle's manifest.
 * @param trusted null = no signature is required
 * @throws MinutehandError MODEL_SIGNATURE
 */
export function checkSignature(
  folder: string,
  manifest: Uint8Array,
  files: FileSystem,
  trusted: readonly KeyObject[] | null,
): void {
  if (trusted === null) return;
  const path = join(folder, SIGNATURE_FILE);
  const expected = `the signature of ${trusted.map(keyName).join(' or ')}`;
  const refuse = (seen: string): MinutehandError => new MinutehandError('MODEL_SIGNATURE', { seen, expected });
  if (files.stat(path) === null) throw refuse(`${folder} is not signed`);
  const text = readModelsFile(path, 'signature', files).toString('utf8');
  const refusal = signatureRefusal(text, manifest, trusted);
  if (refusal !== null) throw refuse(`${folder} ${refusal}`);
}

/**
 * Why a signature does not count; null when a trusted key has signed the bytes.
 * @param text of the signature file
 */
export function signatureRefusal(text: string, bytes: Uint8Array, trusted: readonly KeyObject[]): string | null {
  let given: z.infer<typeof signatureSchema>;
  try {
    given = signatureSchema.parse(JSON.parse(text));
  } catch {
    return 'has a damaged signature';
  }
  const signer = trusted.find((key) => keyName(key) === given.key);
  if (signer === undefined) return `is signed by ${given.key}`;
  const isSigned = verify(null, bytes, signer, Buffer.from(given.signature, 'base64'));
  return isSigned ? null : `does not have the content that ${given.key} signed`;
}
