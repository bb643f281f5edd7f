import { crc32 } from 'node:zlib';
import { BODY_FIELDS, type SignalBody, type SignalEnvelope } from './signal.ts';

/**
 * The deterministic part as JSON without its closing brace, fields in contract order.
 * This is what `replay` hashes and what the journal keeps.
 */
export function encodeBody(body: SignalBody): string {
  const text = JSON.stringify(body, BODY_FIELDS as unknown as string[]);
  return text.slice(0, -1);
}

/** The whole signal as one line: body, envelope, and the checksum over all before it. */
export function encodeSignal(bodyText: string, envelope: SignalEnvelope): string {
  const { schema, market, boot_id, seq, generated_at_ms, valid_until_ms } = envelope;
  const covered =
    `${bodyText},"schema":"${schema}","market":"${market}","boot_id":"${boot_id}","seq":${seq},` +
    `"generated_at_ms":${generated_at_ms},"valid_until_ms":${valid_until_ms}`;
  return `${covered},"crc32":"${checksum(covered)}"}`;
}

/** CRC-32 (IEEE) of the UTF-8 bytes, eight lowercase hex digits. */
export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
