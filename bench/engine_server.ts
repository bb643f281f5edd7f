/**
 * The server of one engine alone, for `bench/engines.ts`, which starts it and asks for ten signals at a time:
 * `engine_server.js uwebsockets|ws`.
 */
import { openServer } from '../daemon/serve/serve.ts';
import type { Engine } from '../daemon/serve/server.ts';
import { SIGNAL_BYTES, SIGNALS, type Listening } from './engines.ts';

const TOPIC = 'signals';

/** The server of one engine, until its parent disconnects. */
async function serve(engine: Engine): Promise<void> {
  const messages = Array.from({ length: SIGNALS }, (_, i) => ({ topic: TOPIC, text: String(i).repeat(SIGNAL_BYTES) }));
  const server = await openServer({
    host: '127.0.0.1',
    port: 0,
    engine,
    routes: [],
    webSockets: [
      {
        path: '/',
        onOpen: (connection) => connection.subscribe(TOPIC),
        onMessage: () => server.publishAll(messages),
        onClose: () => undefined,
      },
    ],
    maxBodyBytes: 1 << 20,
    maxBufferedBytes: 1 << 24,
    onError(error) {
      throw error;
    },
  });
  process.once('disconnect', () => void server.close());
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const listening: Listening = { engine, port: server.port, glibc: header.glibcVersionRuntime ?? null };
  process.send!(listening);
}

await serve(process.argv[2] as Engine);
