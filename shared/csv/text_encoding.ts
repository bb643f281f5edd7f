/** How the bytes of a text file become characters: a label of `TextDecoder`, and the length of its byte order mark. */
export interface TextEncoding {
  readonly label: 'utf-8' | 'utf-16le' | 'utf-16be' | 'shift_jis' | 'latin1';
  readonly markBytes: number;
}

/** Bytes that show UTF-16 without a mark: every second one is 0. */
const SHOWN_BYTES = 64;
/** Words of a Japanese header of bars, by which Shift_JIS is told from Western text. */
const JAPANESE = /[日時始高安終値]/;

/**
 * The encoding of a text by its first bytes: its byte order mark; UTF-16 without one, by the zeros of its digits; UTF-8
 * where it is sound; Shift_JIS, as Japanese terminals write, where that shows the words of a header; else Latin-1.
 */
export function encodingOf(first: Buffer): TextEncoding {
  if (first[0] === 0xff && first[1] === 0xfe) return { label: 'utf-16le', markBytes: 2 };
  if (first[0] === 0xfe && first[1] === 0xff) return { label: 'utf-16be', markBytes: 2 };
  if (first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf) return { label: 'utf-8', markBytes: 3 };
  const unmarked = unmarkedUtf16(first.subarray(0, SHOWN_BYTES));
  if (unmarked !== null) return { label: unmarked, markBytes: 0 };
  const label = labelOf(first);
  return { label, markBytes: 0 };
}

function unmarkedUtf16(bytes: Buffer): 'utf-16le' | 'utf-16be' | null {
  const pairs = Math.floor(bytes.length / 2);
  if (pairs < 8) return null;
  let zeroFirst = 0;
  let zeroSecond = 0;
  for (let i = 0; i < pairs * 2; i += 2) {
    if (bytes[i] === 0) zeroFirst++;
    if (bytes[i + 1] === 0) zeroSecond++;
  }
  if (zeroSecond > 0.8 * pairs && zeroFirst === 0) return 'utf-16le';
  return zeroFirst > 0.8 * pairs && zeroSecond === 0 ? 'utf-16be' : null;
}

function labelOf(first: Buffer): TextEncoding['label'] {
  const isAscii = first.every((byte) => byte < 0x80);
  // Latin-1 is the fastest, and the same.
  if (isAscii) return 'latin1';
  // A character may be cut at the end of the chunk.
  if (isSound(first, 'utf-8')) return 'utf-8';
  const end = first.indexOf(0x0a);
  const header = end < 0 ? first : first.subarray(0, end);
  return isSound(header, 'shift_jis') && JAPANESE.test(new TextDecoder('shift_jis').decode(header))
    ? 'shift_jis'
    : 'latin1';
}

function isSound(bytes: Buffer, label: string): boolean {
  try {
    new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

export interface Decoder {
  write(bytes: Buffer): string;
  end(): string;
}

/** Of a text whose mark has been left out. */
export function decoderOf(label: TextEncoding['label']): Decoder {
  if (label === 'latin1') return { write: (bytes) => bytes.toString('latin1'), end: () => '' };
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
}

/** Whether a text is UTF-16, as editors and shells of Windows may save it. */
export function isUtf16(bytes: Buffer): boolean {
  return encodingOf(bytes.subarray(0, SHOWN_BYTES)).label.startsWith('utf-16');
}

/** A whole text of UTF-8 or UTF-16 that a person has saved, without its mark. */
export function savedText(bytes: Buffer): string {
  return isUtf16(bytes) ? decodedText(bytes) : bytes.toString('utf8').replace(/^\uFEFF/, '');
}

/** A whole text without its mark. */
export function decodedText(bytes: Buffer): string {
  const { label, markBytes } = encodingOf(bytes);
  const decoder = decoderOf(label);
  return decoder.write(bytes.subarray(markBytes)) + decoder.end();
}

/** A text without its mark, part by part; its first bytes show its encoding. */
export async function* decodedParts(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  let decoder: Decoder | null = null;
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (decoder === null) {
      const { label, markBytes } = encodingOf(chunk);
      // Later parts may have what the first has not.
      decoder = decoderOf(label === 'latin1' && chunk.every((byte) => byte < 0x80) ? 'utf-8' : label);
      bytes = chunk.subarray(markBytes);
    }
    yield decoder.write(bytes);
  }
  if (decoder !== null) yield decoder.end();
}
