import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PRICE_KINDS, type PriceKind } from '../core/cost/fill_cost.ts';
import { replaceDurably } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';

/** Beside the bar files of a folder: what their prices are, by symbol. */
const FILE = 'prices.json';

export type PriceKinds = Readonly<Record<string, PriceKind>>;

/** @throws MinutehandError DATA_FORMAT */
export function readPriceKinds(folder: string): PriceKinds {
  const path = join(folder, FILE);
  if (MACHINE_FILES.stat(path) === null) return {};
  let kinds: unknown;
  try {
    kinds = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new MinutehandError('DATA_FORMAT', { seen: `${path} is not JSON`, cause });
  }
  const isKinds = (value: unknown): value is PriceKinds =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((kind) => (PRICE_KINDS as readonly unknown[]).includes(kind));
  if (isKinds(kinds)) return kinds;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: ${JSON.stringify(kinds).slice(0, 200)}`,
    expected: `{"EURUSD": "${PRICE_KINDS.join('" | "')}"}`,
  });
}

export function writePriceKind(folder: string, symbol: string, kind: PriceKind): void {
  const kinds = { ...readPriceKinds(folder), [symbol]: kind };
  replaceDurably(MACHINE_FILES, join(folder, FILE), `${JSON.stringify(kinds)}\n`);
}
