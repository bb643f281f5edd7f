#!/usr/bin/env node
import './old_node.mjs';

void import('./setup.mjs').then(({ ensureReady, run }) =>
  run(async () => {
    await ensureReady('programs');
    // In this process, so that Ctrl-C reaches it and its exit code is npm's.
    const { endProcess, main } = await import('../dist/cli/main.js');
    const code = await main(['up', ...process.argv.slice(2)]);
    endProcess(code);
    return code;
  }),
);
