import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { buildDocs } from '../docs/build_docs.ts';
import { packageRoot } from '../../shared/root.ts';
import type { Output } from '../output.ts';

/** For developers of minutehand: builds the documentation into var/docs, or into the folder of `--out`. */
export function addDocs(program: Command, output: () => Output): void {
  const command = program.command('docs', { hidden: true }).option('--out <folder>', 'instead of var/docs');
  command.action(({ out }: { readonly out?: string }) => {
    const root = packageRoot();
    const folder = out === undefined ? join(root, 'var', 'docs') : resolve(out);
    if (out === undefined) rmSync(folder, { recursive: true, force: true });
    const files = buildDocs(root, folder, program);
    output().line(`${folder}: ${files.length} files`);
  });
}
