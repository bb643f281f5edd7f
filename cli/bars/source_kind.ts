import { open } from 'node:fs/promises';
import { refuseIrregular, unreadableFile } from '../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../shared/errors.ts';

const SIGNATURE_BYTES = 16;

interface BinaryFormat {
  readonly name: string;
  readonly signature: readonly number[];
  readonly next: string;
}

const UNPACK = 'Unpack it, and import the text files in it.';
const EXPORT = 'Export it as CSV.';

/** Files that are no text: the first bytes by which each is known. */
const BINARY_FORMATS: readonly BinaryFormat[] = [
  { name: 'a ZIP archive or an Excel workbook', signature: [0x50, 0x4b, 0x03, 0x04], next: UNPACK },
  { name: 'an empty ZIP archive', signature: [0x50, 0x4b, 0x05, 0x06], next: UNPACK },
  { name: 'a 7-Zip archive', signature: [0x37, 0x7a, 0xbc, 0xaf], next: UNPACK },
  { name: 'a RAR archive', signature: [0x52, 0x61, 0x72, 0x21], next: UNPACK },
  { name: 'compressed by xz', signature: [0xfd, 0x37, 0x7a, 0x58], next: UNPACK },
  { name: 'compressed by bzip2', signature: [0x42, 0x5a, 0x68], next: UNPACK },
  { name: 'compressed by zstd', signature: [0x28, 0xb5, 0x2f, 0xfd], next: UNPACK },
  { name: 'an old Excel workbook', signature: [0xd0, 0xcf, 0x11, 0xe0], next: EXPORT },
  { name: 'an SQLite database', signature: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], next: EXPORT },
  { name: 'compressed twice by gzip', signature: [0x1f, 0x8b], next: UNPACK },
  { name: 'a PDF', signature: [0x25, 0x50, 0x44, 0x46], next: EXPORT },
  { name: 'an HDF5 file', signature: [0x89, 0x48, 0x44, 0x46], next: EXPORT },
];

/** @throws MinutehandError DATA_FORMAT with the name of the format, where the first bytes are of a file without text */
export function refuseBinary(path: string, first: Buffer): void {
  const found = BINARY_FORMATS.find(({ signature }) => signature.every((byte, at) => first[at] === byte));
  if (found === undefined) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path} is ${found.name}`,
    expected: 'a text file, or one compressed by gzip',
    next: found.next,
  });
}

/**
 * The first bytes of a regular file.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT for a folder, a pipe or a device
 */
export async function firstBytes(path: string): Promise<Buffer> {
  await refuseIrregular(path);
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
}
