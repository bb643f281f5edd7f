import { join } from 'node:path';
import { PRICE_KINDS, type PriceKind } from '../core/cost/fill_cost.ts';
import { replaceDurably } from '../durable_file.ts';
import { MACHINE_FILES } from '../files.ts';
import { readFolderFile } from './folder_file.ts';

/** Beside the bar files of a folder: what their prices are, by symbol. */
const FILE = 'prices.json';

export type PriceKinds = Readonly<Record<string, PriceKind>>;

/** @throws MinutehandError DATA_FORMAT */
export function readPriceKinds(folder: string): PriceKinds {
  const isKind = (value: unknown): boolean => (PRICE_KINDS as readonly unknown[]).includes(value);
  const expected = `{"EURUSD": "${PRICE_KINDS.join('" | "')}"}`;
  return readFolderFile<PriceKinds>(folder, FILE, (values) => values.every(isKind), expected) ?? {};
}

export function writePriceKind(folder: string, symbol: string, kind: PriceKind): void {
  const kinds = { ...readPriceKinds(folder), [symbol]: kind };
  replaceDurably(MACHINE_FILES, join(folder, FILE), `${JSON.stringify(kinds)}\n`);
}
