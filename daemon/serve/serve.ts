import type { MinutehandError } from '../../shared/errors.ts';
import { openNodeHttp } from './node_http.ts';
import type { Server, ServerOptions } from './server.ts';
import { loadUwebsockets, openUwebsockets } from './uwebsockets.ts';
import type { Uwebsockets } from './uwebsockets_native.ts';

/**
 * The engine to use: `auto` prefers uWebSockets.js and falls back to ws.
 * @param onFallback called with the reason when `auto` falls back
 * @throws MinutehandError ENGINE_MISSING when uWebSockets.js was requested by name and cannot be loaded.
 */
export function chooseEngine(
  engine: ServerOptions['engine'],
  load: () => Uwebsockets,
  onFallback?: (reason: MinutehandError) => void,
): Uwebsockets | 'ws' {
  if (engine === 'ws') return 'ws';
  try {
    return load();
  } catch (error) {
    if (engine !== 'auto') throw error;
    onFallback?.(error as MinutehandError);
    return 'ws';
  }
}

/** Loads the engine, so that a server opens without waiting for it. @throws MinutehandError ENGINE_MISSING */
export function warmEngine(engine: ServerOptions['engine']): void {
  chooseEngine(engine, loadUwebsockets);
}

/**
 * Opens one HTTP and WebSocket server.
 * @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, ENGINE_MISSING
 */
export function openServer(options: ServerOptions): Promise<Server> {
  const engine = chooseEngine(options.engine, loadUwebsockets, options.onFallback);
  return engine === 'ws' ? openNodeHttp(options) : openUwebsockets(engine, options);
}
