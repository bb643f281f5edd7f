import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { MinutehandError, type ErrorCode } from '../errors.ts';
import type { RemoteFolder } from './remote_folder.ts';
import type { SftpAddress } from './sftp_address.ts';

/** The used part of ssh2-sftp-client, which is loaded only where models are delivered. */
interface Client {
  connect(options: Readonly<Record<string, unknown>>): Promise<Wire>;
  list(path: string): Promise<readonly { readonly type: string; readonly name: string; readonly size: number }[]>;
  stat(path: string): Promise<{ readonly size: number }>;
  get(path: string, into: Writable): Promise<unknown>;
  mkdir(path: string, recursive: true): Promise<unknown>;
  delete(path: string, isMissingFine: true): Promise<unknown>;
  rename(from: string, to: string): Promise<unknown>;
  posixRename(from: string, to: string): Promise<unknown>;
  end(): Promise<unknown>;
  readonly client: { destroy(): void };
}

type Done = (error: Error | null | undefined) => void;

/** The protocol below the client: it has fsync, and writes at a position. */
interface Wire {
  open(path: string, flags: string, done: (error: Error | null | undefined, handle: Buffer) => void): void;
  write(handle: Buffer, data: Uint8Array, offset: number, length: number, position: number, done: Done): void;
  close(handle: Buffer, done: Done): void;
  ext_openssh_fsync(handle: Buffer, done: Done): void;
}

type ClientClass = new (name: string, listeners: Readonly<Record<string, (error?: Error) => void>>) => Client;

export interface SftpOptions {
  readonly address: SftpAddress;
  /** Accepted fingerprints, as `ssh-keygen -lf` prints them: `SHA256:…`. */
  readonly hostKeys: readonly string[];
  /** Text of the private key, in the format of OpenSSH or PEM, without a passphrase. */
  readonly privateKey: string;
  /** Time for the connection, ms. */
  readonly connectMs?: number;
  /** Time without any part of an answer, ms. */
  readonly silenceMs?: number;
}

const CONNECT_MS = 20_000;
const TIMEOUT_MS = 60_000;
const KEEPALIVE_MS = 10_000;
const END_MS = 2000;
/** Bytes of one call. Calls are sequential, so that a cut file is a prefix. */
const PIECE = 256 * 1024;
const PART = '.part';
/** Status codes of SFTP (draft-ietf-secsh-filexfer-02, 7), and what the client makes of them. */
const NOT_FOUND: readonly unknown[] = [2, 'ENOENT'];
const DENIED: readonly unknown[] = [3, 'EACCES'];
const AUTHENTICATION = /authentication methods failed/i;

/**
 * Connects to an SFTP server whose host key is pinned, with a key as the only means of authentication. An upload goes
 * to `<name>.part`, continues where an earlier one was cut, and is renamed only when it has the bytes.
 * @throws MinutehandError DELIVERY_HOST_KEY, DELIVERY_REFUSED, DELIVERY_UNREACHABLE
 */
export async function openSftp(options: SftpOptions): Promise<RemoteFolder> {
  const { address, hostKeys, privateKey, connectMs = CONNECT_MS, silenceMs = TIMEOUT_MS } = options;
  const { host, port, user, path: root } = address;
  const closed = new AbortController();
  const lost = (): void => closed.abort();
  const Sftp = await loadClient();
  const client = new Sftp('minutehand', { error: lost, end: lost, close: lost });
  let seenKey: string | null = null;

  function errorOf(cause: unknown, what: string): MinutehandError {
    if (cause instanceof MinutehandError) return cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const seen = `${user}@${host}:${port} ${what}: ${message}`;
    return new MinutehandError(codeOf(code, message), { seen, cause });
  }

  /**
   * A call that ends with the connection, or when it is not answered.
   * @param work gets a function to be called when a part of a long answer has come: the time begins anew
   */
  async function call<Result>(what: string, work: (heard: () => void) => Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    let end: (() => void) | undefined;
    const cut = new Promise<never>((_, reject) => {
      end = () => reject(new Error('the connection was lost'));
      if (closed.signal.aborted) end();
      closed.signal.addEventListener('abort', end);
      timer = setTimeout(() => reject(new Error(`no answer within ${silenceMs / 1000} s`)), silenceMs);
    });
    try {
      return await Promise.race([cut, work(() => timer?.refresh())]);
    } catch (cause) {
      throw errorOf(cause, what);
    } finally {
      clearTimeout(timer);
      closed.signal.removeEventListener('abort', end!);
    }
  }

  let wire: Wire;
  try {
    wire = await client.connect({
      host,
      port,
      username: user,
      privateKey,
      authHandler: ['publickey'],
      readyTimeout: connectMs,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: 3,
      hostVerifier(key: Buffer) {
        seenKey = fingerprint(key);
        return hostKeys.includes(seenKey);
      },
    });
  } catch (cause) {
    client.client.destroy();
    if (seenKey === null || hostKeys.includes(seenKey)) throw errorOf(cause, 'connect');
    const expected = hostKeys.join(' or ');
    throw new MinutehandError('DELIVERY_HOST_KEY', { seen: `${host}:${port} has ${seenKey as string}`, expected });
  }

  const pathOf = (name: string): string => `${root}/${name}`;
  const made = new Map<string, Promise<unknown>>();

  /** Makes the folder of a file, once in a connection: of two calls at the same time one would find it made. */
  async function makeFolderOf(path: string): Promise<void> {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const making = made.get(folder) ?? call(`mkdir ${folder}`, () => client.mkdir(folder, true));
    made.set(folder, making);
    await making;
  }

  async function sizeOf(path: string): Promise<number | null> {
    try {
      return await call(`stat ${path}`, async () => (await client.stat(path)).size);
    } catch (error) {
      const { code } = (error as MinutehandError).cause as NodeJS.ErrnoException;
      if (NOT_FOUND.includes(code)) return null;
      throw error;
    }
  }

  /** @throws MinutehandError DELIVERY_DAMAGED when more than `maxBytes` come, whatever the server said of its size */
  const readWhole = (path: string, maxBytes: number): Promise<Buffer> =>
    call(`get ${path}`, async (heard) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const taken = new Writable({
        write(part: Buffer, _encoding, done) {
          heard();
          bytes += part.length;
          if (bytes > maxBytes) return done(tooLarge(path, bytes, maxBytes));
          parts.push(part);
          done();
        },
      });
      await client.get(path, taken);
      return Buffer.concat(parts, bytes);
    });

  function tooLarge(path: string, bytes: number, maxBytes: number): MinutehandError {
    const seen = `${host}:${path} has ${bytes} bytes`;
    return new MinutehandError('DELIVERY_DAMAGED', { seen, expected: `at most ${maxBytes}` });
  }

  /** Writes bytes from a position on, and makes them durable where the server offers it. */
  async function write(path: string, bytes: Uint8Array, from: number): Promise<void> {
    const flags = from === 0 ? 'w' : 'r+';
    const handle = await call(`open ${path}`, () => settled<Buffer>((done) => wire.open(path, flags, done)));
    for (let at = from; at < bytes.length; at += PIECE) {
      const length = Math.min(PIECE, bytes.length - at);
      await call(`write ${path}`, () => settled((done) => wire.write(handle, bytes, at, length, at, done)));
    }
    await call(`fsync ${path}`, () => flush(handle));
    await call(`close ${path}`, () => settled((done) => wire.close(handle, done)));
  }

  /** The client throws where the server does not offer the extension. */
  async function flush(handle: Buffer): Promise<void> {
    try {
      await settled((done) => wire.ext_openssh_fsync(handle, done));
    } catch (error) {
      if (!isNotOffered(error)) throw error;
    }
  }

  /** Without the extension, a rename cannot replace: the file is absent for a moment. */
  async function renameOver(from: string, to: string): Promise<void> {
    try {
      await call(`rename ${from}`, () => client.posixRename(from, to));
    } catch (error) {
      if (!isNotOffered((error as MinutehandError).cause)) throw error;
      await call(`delete ${to}`, () => client.delete(to, true));
      await call(`rename ${from}`, () => client.rename(from, to));
    }
  }

  async function checkWritten(path: string, bytes: Uint8Array): Promise<void> {
    const size = await sizeOf(path);
    if (size === bytes.length && (await readWhole(path, bytes.length)).equals(bytes)) return;
    await call(`delete ${path}`, () => client.delete(path, true));
    throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${host}:${path} differs from what was sent` });
  }

  /** @param from bytes of the partial file that are kept */
  async function put(path: string, bytes: Uint8Array, from: number): Promise<void> {
    const partial = `${path}${PART}`;
    await makeFolderOf(path);
    await write(partial, bytes, from);
    await checkWritten(partial, bytes);
    await renameOver(partial, path);
  }

  return {
    async list(folder) {
      const path = pathOf(folder);
      if ((await sizeOf(path)) === null) return [];
      const entries = await call(`list ${path}`, () => client.list(path));
      return entries.filter(({ type }) => type === '-').map(({ name, size }) => ({ name, bytes: size }));
    },
    async read(name, maxBytes) {
      const path = pathOf(name);
      const size = await sizeOf(path);
      if (size === null) return null;
      if (size <= maxBytes) return readWhole(path, maxBytes);
      throw tooLarge(path, size, maxBytes);
    },
    async upload(name, bytes) {
      const partial = (await sizeOf(`${pathOf(name)}${PART}`)) ?? 0;
      await put(pathOf(name), bytes, partial > bytes.length ? 0 : partial);
    },
    replace: (name, bytes) => put(pathOf(name), bytes, 0),
    remove: async (name) => void (await call(`delete ${name}`, () => client.delete(pathOf(name), true))),
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_MS)));
      // On a lost connection, end() may wait without limit.
      await Promise.race([client.end().catch(() => undefined), late]);
      clearTimeout(timer);
      client.client.destroy();
    },
  };
}

/** The fingerprint of a public host key, as OpenSSH prints it. @param key in the format of RFC 4253, 6.6 */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').slice(0, -1)}`;
}

function settled<Value = void>(
  begin: (done: (error: Error | null | undefined, value?: Value) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    begin((error, value) => (error ? reject(error) : resolve(value as Value)));
  });
}

function isNotOffered(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Server does not support this extended request');
}

function codeOf(code: unknown, message: string): ErrorCode {
  return DENIED.includes(code) || AUTHENTICATION.test(message) ? 'DELIVERY_REFUSED' : 'DELIVERY_UNREACHABLE';
}

async function loadClient(): Promise<ClientClass> {
  // A variable name keeps tsc from looking for types, which the package does not have; `Client` declares the used ones.
  const name: string = 'ssh2-sftp-client';
  return ((await import(name)) as { default: ClientClass }).default;
}
