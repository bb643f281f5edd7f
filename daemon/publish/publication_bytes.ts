import { encodeChecksum } from '../../shared/signal/encode.ts';
import type { Publication } from './publish.ts';

/** More than an envelope and its checksum need. */
const ENVELOPE_BYTES = 512;

/** The signals of one batch as bytes in one buffer, which all transports send from. */
export class PublicationBytes {
  readonly #buffer: Buffer;
  #end = 0;

  constructor(answers: readonly { readonly bodyText: string }[]) {
    let size = 0;
    for (const { bodyText } of answers) size += bodyText.length + ENVELOPE_BYTES;
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** The same text as `encodeSignal` gives, and its bytes. */
  write(pairId: string, bodyText: string, envelope: string): Publication {
    const buffer = this.#buffer;
    const start = this.#end;
    const covered = bodyText + envelope;
    // Each part is flat already; their sum would be copied to be written.
    const bodyEnd = start + buffer.write(bodyText, start);
    const coveredEnd = bodyEnd + buffer.write(envelope, bodyEnd);
    // Only ASCII has as many bytes as characters, and only for that there is room.
    if (coveredEnd !== start + covered.length) return ofText(pairId, covered + encodeChecksum(covered));
    const end = encodeChecksum(buffer.subarray(start, coveredEnd));
    this.#end = coveredEnd + buffer.write(end, coveredEnd);
    return { pairId, text: covered + end, bytes: buffer.subarray(start, this.#end) };
  }
}

function ofText(pairId: string, text: string): Publication {
  return { pairId, text, bytes: Buffer.from(text) };
}
