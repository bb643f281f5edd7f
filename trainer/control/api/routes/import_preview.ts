import { shownPreview } from '../../imports/shown_preview.ts';
import { MAX_PREVIEWED_TEXT, previewBody, previewSchema } from '../../schema/import_preview.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import type { Api, ApiContext } from '../context.ts';

/** The text as JSON, in which line ends take two characters, and the other fields. */
const MAX_BODY_BYTES = MAX_PREVIEWED_TEXT * 1.5;

/** `POST /api/imports/preview`. Nothing is stored. */
export function addImportPreviewRoute(api: Api, { fileImports }: ApiContext): void {
  api.route({
    method: 'POST',
    url: '/api/imports/preview',
    config: { role: 'operator', filePath: 'body.text' },
    bodyLimit: MAX_BODY_BYTES,
    schema: {
      tags: ['records'],
      summary: 'What an import of a file would do',
      description:
        'Symbol, timeframe, clock and units as `minutehand bars import` infers them, each with what tells it; the verdict on the bars; and how many would be added. Nothing is stored. A file that cannot be read is an answer, too: `refused`.',
      body: previewBody,
      response: { 200: previewSchema, ...REFUSALS },
    },
    async handler(request) {
      const { name, text, as_symbol: symbol = null, timezone = null } = request.body;
      const { epoch_timezone: epochTimezone = null } = request.body;
      const { decimal = null, date_order: dateOrder = null, stamp = null, spread = null } = request.body;
      request.written = { target: name };
      return shownPreview(
        await fileImports.preview({ name, text, symbol, timezone, epochTimezone, decimal, dateOrder, stamp, spread }),
      );
    },
  });
}
