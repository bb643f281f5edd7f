import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requireSpace } from '../../../shared/dependencies/files.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { FILE_TYPE } from '../schema/import_preview.ts';
import { continueRequest, keepReceiving } from './http_server.ts';

/** What a file leaves free on the disk of the home, on which the daemons write, too. */
const MIN_FREE_BYTES = 256 * 1024 ** 2;
/** Bytes between two looks at that space. */
const LOOK_BYTES = 16 * 1024 ** 2;

/** Bytes that are admitted and not written yet. */
let promised = 0;

/** Routes with `maxFileBytes` take a file as their body, which their handler receives by `receiveFile`. */
export function acceptFiles(server: FastifyInstance): void {
  server.decorateRequest('fileBody', null);
  server.addContentTypeParser(FILE_TYPE, (request: FastifyRequest, payload: IncomingMessage, done) => {
    if (request.routeOptions.config.maxFileBytes !== undefined) {
      request.fileBody = payload;
      return done(null, undefined);
    }
    const seen = `content-type: ${FILE_TYPE}`;
    done(new MinutehandError('REQUEST_INVALID', { seen, expected: 'content-type: application/json' }));
  });
}

/**
 * Writes the body of a request into a file, once its size and the space on the disk admit it. A refused client can
 * still read why: what it goes on sending is read and dropped.
 * @param path of a file that does not exist
 * @throws MinutehandError FILE_TOO_LARGE, DISK_FULL; REQUEST_INVALID without a file; REQUEST_ABANDONED
 */
export async function receiveFile({ fileBody, routeOptions }: FastifyRequest, reply: FastifyReply, path: string) {
  const most = routeOptions.config.maxFileBytes ?? 0;
  const claimed = Number(fileBody?.headers['content-length'] ?? 0);
  if (claimed > most) throw tooLarge(claimed, most);
  await requireSpace(dirname(path), MIN_FREE_BYTES, promised + claimed);
  let bytes = 0;
  const owed = (): number => Math.max(0, claimed - bytes);
  promised += owed();
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      continueRequest(reply);
      for await (const part of partsOf(fileBody)) {
        promised -= owed();
        bytes += part.length;
        promised += owed();
        if (bytes > most) throw tooLarge(bytes, most);
        await file.appendFile(part);
        if (bytes % LOOK_BYTES < part.length) await requireSpace(dirname(path), MIN_FREE_BYTES, promised);
      }
    } finally {
      await file.close();
    }
  } finally {
    promised -= owed();
  }
  if (bytes === 0)
    throw new MinutehandError('REQUEST_INVALID', { seen: 'no file', expected: `a body of ${FILE_TYPE}` });
}

async function* partsOf(body: IncomingMessage | null): AsyncGenerator<Buffer> {
  if (body === null) return;
  try {
    // A request that is destroyed takes its connection with it, and the answer.
    for await (const part of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      keepReceiving(body);
      yield part;
    }
  } catch (cause) {
    throw new MinutehandError('REQUEST_ABANDONED', { cause });
  } finally {
    body.resume();
  }
}

function tooLarge(bytes: number, most: number): MinutehandError {
  return new MinutehandError('FILE_TOO_LARGE', { seen: `${bytes} bytes`, expected: `at most ${most}` });
}
