import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { packageRoot } from '../../shared/root.ts';

/**
 * Runs TypeScript in a child process, where a test must not change the scheduling of its own.
 * @param importer the URL that relative imports start from @param launcher the command that starts Node
 */
export function runChild(
  text: string,
  importer: string,
  launcher: readonly [string, ...string[]],
): SpawnSyncReturns<string> {
  const stdin = { contents: text, resolveDir: dirname(fileURLToPath(importer)), loader: 'ts' } as const;
  const options = { bundle: true, write: false, format: 'esm', platform: 'node', packages: 'external' } as const;
  const input = buildSync({ stdin, ...options }).outputFiles[0]!.text;
  const [command, ...words] = [...launcher, process.execPath, '--input-type=module', '-'] as const;
  return spawnSync(command, words as readonly string[], { encoding: 'utf8', cwd: packageRoot(), input });
}
