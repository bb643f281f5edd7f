#!/usr/bin/env node
import './old_node.mjs';

void import('./setup.mjs').then(({ checkInstalled, ensureBuilt, run }) =>
  run(async () => {
    checkInstalled();
    await ensureBuilt();
    const { endProcess, main } = await import('../dist/cli/main.js');
    const code = await main(process.argv.slice(2));
    endProcess(code);
    return code;
  }),
);
