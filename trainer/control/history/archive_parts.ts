import { MinutehandError } from '../../../shared/errors.ts';
import {
  ARCHIVE_SCHEMA,
  checkFile,
  dataName,
  manifestName,
  manifestText,
  parseManifest,
  partName,
  unpack,
  type Manifest,
  type Packed,
} from './archive_file.ts';
import type { ArchivePlace } from './archive_place.ts';
import { rowOfLine } from './signal_row.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

/** A file of the archive with its manifest. */
export interface Part {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

/**
 * All parts of a day, verified.
 * @param recorded SHA-256 of the written parts by number
 * @throws MinutehandError ARCHIVE_MISSING if a recorded part is absent, ARCHIVE_DAMAGED
 */
export async function readParts(
  place: ArchivePlace,
  market: string,
  day: string,
  recorded: ReadonlyMap<number, string>,
): Promise<Part[]> {
  const last = Math.max(0, ...recorded.keys());
  const parts: Part[] = [];
  for (let number = 1; ; number++) {
    const part = await readPart(place, market, day, number);
    if (part === null) {
      if (number > last) return parts;
      const seen = `${manifestName(partName(market, day, number))} of ${place.id} is not there`;
      throw new MinutehandError('ARCHIVE_MISSING', {
        seen,
        expected: `the part that was written, sha256 ${recorded.get(number)}`,
      });
    }
    const expected = recorded.get(number);
    if (expected !== undefined && expected !== part.manifest.sha256)
      throw new MinutehandError('ARCHIVE_DAMAGED', {
        seen: `${dataName(partName(market, day, number))} has sha256 ${part.manifest.sha256}`,
        expected: `${expected}, as was written`,
      });
    parts.push(part);
  }
}

/** Writes a part, and reads it back. @throws MinutehandError ARCHIVE_DAMAGED */
export async function writePart(
  place: ArchivePlace,
  market: string,
  day: string,
  part: number,
  packed: Packed,
): Promise<Part> {
  const name = partName(market, day, part);
  const { bytes, rows, contentBytes, contentSha256, first, last } = packed;
  const manifest: Manifest = {
    schema: ARCHIVE_SCHEMA,
    market,
    day,
    part,
    file: dataName(name).slice(name.lastIndexOf('/') + 1),
    rows,
    bytes: bytes.length,
    sha256: sha256Hex(bytes),
    content_bytes: contentBytes,
    content_sha256: contentSha256,
    first_ms: rowOfLine(first).generated_at_ms,
    last_ms: rowOfLine(last).generated_at_ms,
  };
  await place.write(dataName(name), bytes);
  // The manifest is written last: a file without one is incomplete and written again.
  await place.write(manifestName(name), Buffer.from(manifestText(manifest)));
  const back = await readPart(place, market, day, part);
  if (back === null || manifestText(back.manifest) !== manifestText(manifest))
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name} reads back otherwise than it was written` });
  return back;
}

/** Lines of these parts, in pages. */
export async function* linesOf(parts: readonly Part[]): AsyncGenerator<readonly string[]> {
  for (const { manifest, bytes } of parts) yield* unpack(bytes, manifest.file);
}

/** @returns null if there is no such part; a file without a manifest is from an interrupted write */
async function readPart(place: ArchivePlace, market: string, day: string, part: number): Promise<Part | null> {
  const name = partName(market, day, part);
  const text = await place.read(manifestName(name));
  if (text === null) return null;
  const manifest = parseManifest(text.toString('utf8'), manifestName(name), { market, day, part });
  const bytes = await place.read(dataName(name));
  if (bytes === null)
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${dataName(name)} is missing, its manifest exists` });
  await checkFile(bytes, manifest, dataName(name));
  return { manifest, bytes };
}
