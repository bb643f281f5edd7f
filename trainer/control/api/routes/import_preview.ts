import type * as z from 'zod';
import { findingText } from '../../../../shared/bar_file/verdict/finding_text.ts';
import type { ImportPreview } from '../../imports/import_preview.ts';
import { MAX_PREVIEWED_TEXT, previewBody, previewSchema } from '../../schema/import_preview.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import type { Api, ApiContext } from '../context.ts';

/** The text as JSON, in which line ends take two characters, and the other fields. */
const MAX_BODY_BYTES = MAX_PREVIEWED_TEXT * 1.5;
const REJECTED_SHOWN = 5;

/** `POST /api/imports/preview`. Nothing is stored. */
export function addImportPreviewRoute(api: Api, { previews }: ApiContext): void {
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
      return shown(
        await previews.run({ name, text, symbol, timezone, epochTimezone, decimal, dateOrder, stamp, spread }),
      );
    },
  });
}

function shown(preview: ImportPreview): z.infer<typeof previewSchema> {
  if ('error' in preview) return { refused: preview.error, symbols: [], series: [] };
  return {
    refused: null,
    symbols: preview.symbols.map((one) => shownSymbol(one, preview.near_symbols[one.symbol] ?? [])),
    series: preview.series.map(({ symbol, name, read, added, rejected_count }) => {
      return { symbol, name, read, added, rejected: rejected_count };
    }),
  };
}

type PreviewedSymbol = Extract<ImportPreview, { symbols: unknown }>['symbols'][number];

function shownSymbol(
  { symbol, verdict, imported, rejected_count, rejected, sources, ...counts }: PreviewedSymbol,
  near: readonly string[],
) {
  const { timezone, checked, symbol_by, timeframe, timeframe_by, layout, price_range, read_by } = sources[0]!;
  const { read, added, duplicates, conflicts } = counts;
  return {
    symbol,
    symbol_by,
    timeframe,
    timeframe_by,
    layout,
    clock: timezone,
    clock_is_checked: checked,
    price_range,
    read_by,
    near_symbols: [...near],
    verdict: verdict.verdict,
    findings: verdict.findings.map((finding) => ({ code: finding.code, text: findingText(finding) })),
    would_be_taken: imported,
    read,
    added,
    duplicates,
    conflicts,
    rejected: rejected_count,
    first_rejected: rejected.slice(0, REJECTED_SHOWN),
  };
}
