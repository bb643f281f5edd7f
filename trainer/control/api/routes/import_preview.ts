import { writeFile } from 'node:fs/promises';
import { shownPreview } from '../../imports/shown_preview.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { importPreviewRoutes, MAX_PREVIEWED_TEXT } from '../../schema/import_preview.ts';

/** The text as JSON, in which line ends take two characters, and the other fields. */
const MAX_BODY_BYTES = MAX_PREVIEWED_TEXT * 1.5;

/** `POST /api/imports/preview`. Nothing is stored. */
export function addImportPreviewRoute(api: Api, { fileImports }: ApiContext): void {
  api.route({
    ...importPreviewRoutes['POST /api/imports/preview'],
    bodyLimit: MAX_BODY_BYTES,
    async handler(request, reply) {
      const { name, text, as_symbol: symbol = null, timezone = null } = request.body;
      const { epoch_timezone: epochTimezone = null } = request.body;
      const { decimal = null, date_order: dateOrder = null, stamp = null, spread = null } = request.body;
      request.written = { target: name };
      const reading = { symbol, timezone, epochTimezone, decimal, dateOrder, stamp, spread };
      const write = (path: string): Promise<void> => writeFile(path, text, { mode: 0o600, flag: 'wx' });
      return shownPreview(await fileImports.preview({ name, write, ...reading }, clientLeft(reply.raw)));
    },
  });
}
