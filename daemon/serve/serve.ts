import { describeError } from '../../shared/errors.ts';
import { openNodeHttp } from './node_http.ts';
import type { Server, ServerOptions } from './server.ts';
import { loadUwebsockets, openUwebsockets } from './uwebsockets.ts';
import type { Uwebsockets } from './uwebsockets_native.ts';

/** uWebSockets.js, or null for ws, with `Server.engineNote`. */
export interface ChosenEngine {
  readonly native: Uwebsockets | null;
  readonly note: string | null;
}

/**
 * The engine to use: `auto` prefers uWebSockets.js and falls back to ws.
 * @throws MinutehandError ENGINE_MISSING when uWebSockets.js was requested by name and cannot be loaded.
 */
export function chooseEngine(engine: ServerOptions['engine'], load: () => Uwebsockets): ChosenEngine {
  if (engine === 'ws') return { native: null, note: null };
  try {
    return { native: load(), note: null };
  } catch (error) {
    if (engine !== 'auto') throw error;
    return { native: null, note: describeError(error).message };
  }
}

/** Loads the engine, so that a server opens without waiting for it. @throws MinutehandError ENGINE_MISSING */
export function warmEngine(engine: ServerOptions['engine']): void {
  chooseEngine(engine, loadUwebsockets);
}

/**
 * Opens one HTTP and WebSocket server.
 * @throws MinutehandError PORT_TAKEN, ADDRESS_UNUSABLE, FILES_EXHAUSTED, ENGINE_MISSING
 */
export function openServer(options: ServerOptions): Promise<Server> {
  const { native, note } = chooseEngine(options.engine, loadUwebsockets);
  return native === null ? openNodeHttp(options, note) : openUwebsockets(native, options);
}
