import type { Engine } from './server.ts';
import { loadUwebsockets } from './uwebsockets.ts';

/**
 * The engines to test with this Node. The npm registry has builds of uWebSockets.js up to Node 20: there one that does
 * not load must fail its tests. Newer versions of Node have it only where it was installed from its own source.
 */
export const ENGINES: readonly Engine[] = isUwebsocketsExpected() ? ['uwebsockets', 'ws'] : ['ws'];

function isUwebsocketsExpected(): boolean {
  if (Number(process.versions.node.split('.')[0]) <= 20) return true;
  try {
    loadUwebsockets();
    return true;
  } catch {
    return false;
  }
}
