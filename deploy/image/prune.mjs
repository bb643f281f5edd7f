/**
 * Removes from `node_modules`, the argument, what this platform and this Node never load: native libraries of other
 * systems. Says how much that was.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { keepBuild } from './engine/keep_build.mjs';

const root = process.argv[2];
const sizeOf = () => Number(execFileSync('du', ['-sk', root], { encoding: 'utf8' }).split('\t')[0]) / 1024;
const before = sizeOf();

/** Removes all entries of a folder but one. @param {string} folder @param {string} kept */
function keepOnly(folder, kept) {
  const entries = readdirSync(folder);
  if (!entries.includes(kept)) throw new Error(`${folder} has no ${kept}: ${entries.join(', ')}`);
  for (const entry of entries) if (entry !== kept) rmSync(join(folder, entry), { recursive: true });
}

const onnxruntime = join(root, 'onnxruntime-node', 'bin');
for (const version of readdirSync(onnxruntime)) {
  keepOnly(join(onnxruntime, version), process.platform);
  keepOnly(join(onnxruntime, version, process.platform), process.arch);
}
// The server engine, which must load here.
keepBuild(root);
// Documentation and type declarations of packages are read by people and compilers only.
for (const name of ['typescript', '@types'])
  if (existsSync(join(root, name))) rmSync(join(root, name), { recursive: true });
console.log(`${root}: ${before.toFixed(0)} MiB, now ${sizeOf().toFixed(0)} MiB`);
