import { chooseEngine } from './serve.ts';
import type { Engine } from './server.ts';
import { loadUwebsockets } from './uwebsockets.ts';

/** The engines that load here. Where uWebSockets.js does not, `newer_libc.chain.test.ts` runs these tests with it. */
export const ENGINES: readonly Engine[] =
  chooseEngine('auto', loadUwebsockets).native === null ? ['ws'] : ['uwebsockets', 'ws'];
