import type { Engine } from './server.ts';
import { loadUwebsockets } from './uwebsockets.ts';

/**
 * The engines to test with this Node. An installation comes with a build of uWebSockets.js for Node up to 20: there one
 * that does not load must fail its tests. Newer versions of Node have it where `@btc-vision/uwebsockets.js` is
 * installed and loads, as in the images.
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
