import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../shared/root.ts';

/** Folders whose compiled files decide what a fit gives: more than that, rather than less. */
const FOLDERS = ['dist/shared', 'dist/trainer/learning'];
const COMPILED = /\.(js|wasm)$/;

let known: string | undefined;

/** SHA-256 of the compiled program that learns: another build makes results of its own. */
export function codeHash(): string {
  known ??= hashFolders();
  return known;
}

function hashFolders(): string {
  const hash = createHash('sha256');
  for (const folder of FOLDERS) {
    const root = join(packageRoot(), folder);
    if (!existsSync(root)) continue;
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => COMPILED.test(name));
    for (const name of files.map((one) => one.replaceAll('\\', '/')).sort()) {
      if (name.endsWith('.oracle.js')) continue;
      const bytes = readFileSync(join(root, name));
      // Where a source map is, is no part of the program, and a release has none.
      const code = name.endsWith('.js')
        ? bytes.toString('utf8').replace(/\n\/\/# sourceMappingURL=\S*\n?$/, '')
        : bytes;
      hash.update(`${folder}/${name}:`).update(code);
    }
  }
  return hash.digest('hex');
}
