import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MinutehandError } from '../../../shared/errors.ts';
import { FILE_TYPE } from '../schema/import_preview.ts';
import { temporaryFolderAsync } from '../../../shared/temporary_folder.ts';

/** Name of the received file in its folder, until the route gives it that of the person. */
export const RECEIVED = 'received';

/** Routes with `maxFileBytes` take a file as their body: it is streamed to a temporary folder, not read into memory. */
export function acceptFiles(server: FastifyInstance): void {
  server.decorateRequest('uploaded', null);
  server.addContentTypeParser(FILE_TYPE, async (request: FastifyRequest, payload: Readable) => {
    const most = request.routeOptions.config.maxFileBytes;
    if (most === undefined)
      throw new MinutehandError('REQUEST_INVALID', {
        seen: `content-type: ${FILE_TYPE}`,
        expected: 'content-type: application/json',
      });
    request.uploaded = await received(payload, most);
    return undefined;
  });
  server.addHook('onResponse', async ({ uploaded }) => {
    if (uploaded !== null) await rm(uploaded.folder, { recursive: true, force: true });
  });
}

async function received(payload: Readable, most: number): Promise<NonNullable<FastifyRequest['uploaded']>> {
  const folder = await temporaryFolderAsync('upload');
  let bytes = 0;
  const counted = new Transform({
    transform(part: Buffer, _encoding, done) {
      bytes += part.length;
      if (bytes <= most) done(null, part);
      else done(new MinutehandError('FILE_TOO_LARGE', { seen: `more than ${most} bytes` }));
    },
  });
  try {
    await pipeline(payload, counted, createWriteStream(join(folder, RECEIVED), { mode: 0o600 }));
    return { folder, bytes };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
