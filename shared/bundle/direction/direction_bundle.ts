import { join } from 'node:path';
import { replaceDurably, writeDurably } from '../../durable_file.ts';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES } from '../../files.ts';
import { writeVersion } from '../bundle.ts';
import { parseManifestFile, readBundleFile } from '../manifest_file.ts';
import { refuseUnservedGraphOf } from '../onnx/graph_limits.ts';
import { checkSignature, keyName, SIGNATURE_FILE, signatureText, signingKey, trustedKeys } from '../signature.ts';
import {
  DIRECTION_FILE,
  DIRECTION_FORMAT,
  DIRECTION_REPORT,
  directionManifestSchema,
  type DirectionManifest,
} from './direction_manifest.ts';
import { sha256Hex } from '../../sha256.ts';

const MANIFEST = 'manifest.json';

export interface DirectionContent {
  readonly manifest: Omit<DirectionManifest, 'format' | 'version' | 'created' | 'files'>;
  readonly model: Uint8Array;
  /** Plain JSON. */
  readonly report: unknown;
  readonly card: (manifest: DirectionManifest) => string;
  /** Of settings, at the end of the version; null or absent: none. */
  readonly summary?: string | null;
}

/** Writes a bundle, whole or not at all, signed when there is a key. @returns its folder */
export function writeDirectionBundle(modelsFolder: string, created: Date, content: DirectionContent): string {
  const files = MACHINE_FILES;
  const write = (draft: string, version: string): void => {
    const put = (name: string, bytes: Uint8Array): { sha256: string; bytes: number } => {
      writeDurably(files, join(draft, name), bytes);
      return { sha256: sha256Hex(bytes), bytes: bytes.length };
    };
    const manifest: DirectionManifest = {
      format: DIRECTION_FORMAT,
      version,
      created: created.toISOString(),
      ...content.manifest,
      files: {
        [DIRECTION_FILE]: put(DIRECTION_FILE, content.model),
        [DIRECTION_REPORT]: put(DIRECTION_REPORT, Buffer.from(`${JSON.stringify(content.report)}\n`)),
      },
    };
    const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
    put(MANIFEST, bytes);
    const key = signingKey();
    if (key !== null) writeDurably(files, join(draft, SIGNATURE_FILE), signatureText(bytes, key));
    writeDurably(files, join(draft, 'CARD.md'), content.card(manifest));
  };
  return writeVersion(modelsFolder, created, write, { hash: null, summary: content.summary ?? null });
}

/**
 * Signs a bundle with MINUTEHAND_SIGNING_KEY and replaces a present signature. Its files are checked first.
 * @returns the name of the key
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH, KEY_UNUSABLE
 */
export function signDirectionBundle(folder: string): string {
  const key = signingKey();
  if (key === null) throw new MinutehandError('KEY_UNUSABLE', { seen: 'MINUTEHAND_SIGNING_KEY is not set' });
  const { bytes } = readContent(folder, () => undefined);
  replaceDurably(MACHINE_FILES, join(folder, SIGNATURE_FILE), signatureText(bytes, key));
  return keyName(key);
}

/** A bundle whose bytes are those its manifest names. */
export interface DirectionBundle {
  readonly folder: string;
  readonly manifest: DirectionManifest;
  /** SHA-256 over the manifest, which names all other files by theirs. */
  readonly modelsHash: string;
  readonly model: Buffer;
}

/** @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_LOAD */
export function readDirectionBundle(folder: string): DirectionBundle {
  const checkAuthor = (bytes: Buffer): void => checkSignature(folder, bytes, MACHINE_FILES, trustedKeys());
  const { bytes, manifest, model } = readContent(folder, checkAuthor);
  return { folder, manifest, modelsHash: sha256Hex(bytes), model };
}

/** Manifest and model, whose hashes are right. */
function readContent(
  folder: string,
  checkAuthor: (manifest: Buffer) => void,
): { readonly bytes: Buffer; readonly manifest: DirectionManifest; readonly model: Buffer } {
  const bytes = readBundleFile(join(folder, MANIFEST), 'manifest', MACHINE_FILES);
  checkAuthor(bytes);
  const manifest = parseManifestFile(join(folder, MANIFEST), bytes, directionManifestSchema);
  const [model] = ([DIRECTION_FILE, DIRECTION_REPORT] as const).map((name) => {
    const content = readBundleFile(join(folder, name), 'content', MACHINE_FILES);
    const seen = sha256Hex(content);
    const expected = manifest.files[name].sha256;
    if (seen !== expected)
      throw new MinutehandError('MODEL_HASH', {
        seen: `${join(folder, name)} has ${seen.slice(0, 12)}…`,
        expected: `${expected.slice(0, 12)}…`,
      });
    return content;
  });
  refuseUnservedGraphOf(model!, join(folder, DIRECTION_FILE));
  return { bytes, manifest, model: model! };
}
