import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { tinySettings, type SettingsOverrides } from '../../../test/tiny_settings.ts';
import { startTrainer } from '../../main.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Role } from './access/role.ts';
import { createLogin } from './access/sessions.ts';
import { createToken } from './access/tokens.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent unchanged. */
  readonly raw?: string | Buffer;
}

/** The answer of the preview of an import. */
const NO_FILE = JSON.stringify({ error: { code: 'DATA_MISSING', message: 'no such file', next: 'name one' } });
/** A program that answers a preview of an import at once, and never ends as a training. */
const HANGING = `if (process.argv.includes('bars')) console.log(${JSON.stringify(NO_FILE)}); else setInterval(() => undefined, 1000)`;

/** A real trainer with its store, in a temporary folder. */
export interface ApiWorkplace {
  readonly port: number;
  readonly origin: string;
  readonly folder: string;
  readonly paths: HomePaths;
  readonly store: Store;
  ask(method: string, path: string, how?: Ask): Promise<Answer>;
  token(role: Role, name?: string): Promise<string>;
  /** Headers of a logged-in browser. */
  logIn(role: Role, name?: string): Promise<{ readonly cookie: string; readonly 'x-csrf-token': string }>;
  close(): Promise<void>;
}

/**
 * @param prepare runs before the trainer starts
 * @param folder the home; removed at the end
 * @param command program of training processes; absent: one that hangs, and finds no file in the preview of an import
 */
export async function openApiWorkplace(
  overrides: SettingsOverrides = {},
  prepare: (paths: HomePaths) => Promise<void> = async () => undefined,
  command: readonly string[] = [process.execPath, '-e', HANGING, '--'],
  folder = mkdtempSync(join(tmpdir(), 'minutehand-api-')),
): Promise<ApiWorkplace> {
  const paths = homePaths({ MINUTEHAND_HOME: folder });
  await prepare(paths);
  const store = await openStore(paths.trainer);
  const trainer = await startTrainer({
    settings: tinySettings(overrides),
    paths,
    log: pino({ level: 'silent' }),
    command,
    print: () => undefined,
  });
  const { port } = trainer;
  const ask = (method: string, path: string, how: Ask = {}): Promise<Answer> => send(port, method, path, how);
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    folder,
    paths,
    store,
    ask,
    async token(role, name = role) {
      const nowMs = Date.now();
      return (await createToken(store.db, { name, role, nowMs, expiresMs: nowMs + 3_600_000 })).token;
    },
    async logIn(role, name = role) {
      const code = await createLogin(store.db, { name, role, nowMs: Date.now() });
      const { headers, body } = await ask('POST', '/api/session', { body: { code } });
      return { cookie: headers['set-cookie']![0]!.split(';')[0]!, 'x-csrf-token': body['csrf_token'] as string };
    },
    async close() {
      await trainer.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Sends a request without browser headers, and follows no redirects. */
function send(port: number, method: string, path: string, { headers = {}, body, raw }: Ask): Promise<Answer> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  // Node sends the body of a DELETE without its length.
  const length = content === undefined ? 0 : Buffer.byteLength(content);
  const type = content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(length) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, host: '127.0.0.1', method, path, headers: { ...type, ...headers } },
      (response) => {
        text(response).then((answer) => {
          const isJson = response.headers['content-type']?.includes('json') === true && answer !== '';
          const parsed = (isJson ? JSON.parse(answer) : {}) as Answer['body'];
          resolve({ status: response.statusCode!, headers: response.headers, text: answer, body: parsed });
        }, reject);
      },
    );
    request.on('error', reject);
    request.end(content);
  });
}
