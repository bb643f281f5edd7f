import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundle, signBundle } from './bundle.ts';
import { featureSchema } from './feature_schema.ts';
import { writeRandomBundle } from './random_bundle.fixture.ts';
import { keyName, SIGNATURE_FILE } from './signature.ts';
import { loadSettings } from '../policy/policy.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-signature-'));
});
afterEach(() => {
  sign(null);
  trust(null);
  rmSync(root, { recursive: true, force: true });
});

interface Pair {
  readonly name: string;
  readonly signing: string;
  readonly publicPem: string;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString();
}

function makeKeys(name: string): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signing = join(root, `${name}.pem`);
  writeFileSync(signing, pemOf(privateKey));
  return { name: keyName(publicKey), signing, publicPem: pemOf(publicKey) };
}

function sign(path: string | null): void {
  if (path === null) delete process.env['MINUTEHAND_SIGNING_KEY'];
  else process.env['MINUTEHAND_SIGNING_KEY'] = path;
}

function trust(keys: readonly Pair[] | null): void {
  if (keys === null) {
    delete process.env['MINUTEHAND_TRUSTED_KEYS'];
    return;
  }
  const path = join(root, 'trusted.pem');
  writeFileSync(path, keys.map(({ publicPem }) => publicPem).join(''));
  process.env['MINUTEHAND_TRUSTED_KEYS'] = path;
}

function makeBundle(): string {
  const schema = featureSchema(loadSettings().minutehand.windows);
  return writeRandomBundle(join(root, 'models'), { schema, seed: 'signature', trees: 2, leaves: 3 });
}

describe('the signature of a bundle', () => {
  it('is created with the bundle and accepted where its key is trusted, alone or among others', () => {
    const ours = makeKeys('ours');
    const other = makeKeys('other');
    sign(ours.signing);
    const folder = makeBundle();
    expect(JSON.parse(readFileSync(join(folder, SIGNATURE_FILE), 'utf8'))).toMatchObject({ key: ours.name });
    for (const trusted of [null, [ours], [other, ours]]) {
      trust(trusted);
      expect(readBundle(folder).manifest.format).toBe('minutehand.bundle/3');
    }
    trust([other]);
    expect(() => readBundle(folder)).toThrow(`is signed by ${ours.name}`);
  });

  it('is missing without a key: accepted without trusted keys, refused with some', () => {
    const ours = makeKeys('ours');
    const folder = makeBundle();
    readBundle(folder);
    trust([ours]);
    expect(() => readBundle(folder)).toThrow(expect.objectContaining({ code: 'MODEL_SIGNATURE' }) as Error);
    sign(ours.signing);
    expect(signBundle(folder)).toBe(ours.name);
    readBundle(folder);
  });

  it('is invalid with any changed byte of the manifest, and with every changed file that the manifest names', () => {
    const ours = makeKeys('ours');
    sign(ours.signing);
    const folder = makeBundle();
    trust([ours]);
    const changed = (file: string, code: string): void => {
      const copy = join(root, `copy of ${file}`);
      cpSync(folder, copy, { recursive: true });
      const bytes = readFileSync(join(copy, file));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(copy, file), bytes);
      expect(() => readBundle(copy), file).toThrow(expect.objectContaining({ code }) as Error);
    };
    changed('manifest.json', 'MODEL_SIGNATURE');
    changed(SIGNATURE_FILE, 'MODEL_SIGNATURE');
    for (const file of ['ai1.onnx', 'ai2.onnx', 'ai3.onnx']) changed(file, 'MODEL_HASH');
  });

  it('may be replaced with another key, which allows key rotation', () => {
    const before = makeKeys('before');
    const after = makeKeys('after');
    sign(before.signing);
    const folder = makeBundle();
    sign(after.signing);
    signBundle(folder);
    trust([after]);
    readBundle(folder);
    trust([before]);
    expect(() => readBundle(folder)).toThrow(`is signed by ${after.name}`);
  });

  it('needs keys of the right kind', () => {
    const folder = makeBundle();
    const rsa = join(root, 'rsa.pem');
    writeFileSync(rsa, pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey));
    for (const [path, reason] of [
      [join(root, 'absent.pem'), 'ENOENT'],
      [rsa, 'of type rsa'],
    ] as const) {
      sign(path);
      expect(() => signBundle(folder)).toThrow(reason);
    }
    sign(null);
    expect(() => signBundle(folder)).toThrow('MINUTEHAND_SIGNING_KEY is not set');
    trust([]);
    expect(() => readBundle(folder)).toThrow('holds no public key');
  });
});
