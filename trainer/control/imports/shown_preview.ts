import type * as z from 'zod';
import { findingText } from '../../../shared/bar_file/verdict/finding_text.ts';
import type { previewSchema } from '../schema/import_preview.ts';
import type { ImportPreview } from './file_imports.ts';

const REJECTED_SHOWN = 5;

/** A preview as the API answers it. */
export function shownPreview(preview: ImportPreview): z.infer<typeof previewSchema> {
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
  const { read, added, duplicates, conflicts, replaced } = counts;
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
    replaced,
    rejected: rejected_count,
    first_rejected: rejected.slice(0, REJECTED_SHOWN),
  };
}
