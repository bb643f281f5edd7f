#!/usr/bin/env node
/** `npm run kernels`: compiles the kernels of AssemblyScript after a change of their sources. Commit what it writes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiledName, compileKernel, listKernels } from './kernel_compiler.mjs';
import { ROOT, print } from './project.mjs';
import { ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled('development');
  for (const source of listKernels()) {
    const name = compiledName(source);
    writeFileSync(join(ROOT, name), await compileKernel(source));
    print(name);
  }
  return 0;
});
