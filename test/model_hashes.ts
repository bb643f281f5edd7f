import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** SHA-256 of each ONNX file of a bundle, by its name. */
export function modelHashes(bundle: string): Record<string, string> {
  const names = readdirSync(bundle).filter((name) => name.endsWith('.onnx'));
  return Object.fromEntries(
    names.map((name) => {
      const bytes = readFileSync(join(bundle, name));
      return [name, createHash('sha256').update(bytes).digest('hex')];
    }),
  );
}
