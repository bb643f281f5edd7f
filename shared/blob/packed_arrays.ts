import * as z from 'zod';
import { MinutehandError } from '../errors.ts';

/** Typed arrays of a packet; all in the byte order of the machine, which is little-endian wherever Node runs. */
export type PackedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const KINDS = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u8: Uint8Array } as const;
type KindName = keyof typeof KINDS;

const headerSchema = z.object({
  facts: z.unknown(),
  arrays: z.array(
    z.object({
      name: z.string().refine((name) => name !== '__proto__'),
      kind: z.enum(['f32', 'f64', 'i32', 'u8']),
      length: z.int().min(0),
    }),
  ),
});
type Header = z.infer<typeof headerSchema>;

const ALIGNMENT = 8;
const MAX_HEADER_BYTES = 16 << 20;

/**
 * One block of bytes of named arrays and JSON facts, like safetensors (https://github.com/huggingface/safetensors): the
 * length of the header as 8 bytes, the header, and the arrays, each at a multiple of 8. Every bit of an array survives,
 * −0 and NaN included, and equal contents give equal bytes.
 */
export function packArrays(facts: unknown, arrays: Readonly<Record<string, PackedArray>>): Uint8Array {
  const entries = Object.entries(arrays);
  const listed = entries.map(([name, array]) => ({ name, kind: kindOf(array), length: array.length }));
  const header = Buffer.from(JSON.stringify({ facts, arrays: listed } satisfies Header));
  let end = aligned(ALIGNMENT + header.length);
  const starts = entries.map(([, array]) => {
    const start = end;
    end = aligned(start + array.byteLength);
    return start;
  });
  const bytes = new Uint8Array(end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, ALIGNMENT);
  entries.forEach(([, array], i) => {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), starts[i]);
  });
  return bytes;
}

/**
 * The contents of `packArrays`. The arrays are copies in memory that all threads of the process can read.
 * @throws MinutehandError BLOB_DAMAGED
 */
export function unpackArrays(bytes: Uint8Array): { facts: unknown; arrays: Record<string, PackedArray> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < ALIGNMENT ? -1 : Number(view.getBigUint64(0, true));
  if (size < 0 || size > MAX_HEADER_BYTES || ALIGNMENT + size > bytes.length)
    throw new MinutehandError('BLOB_DAMAGED', { seen: `a header of ${size} of ${bytes.length} bytes` });
  const { facts, arrays: listed } = headerOf(Buffer.from(bytes.subarray(ALIGNMENT, ALIGNMENT + size)));
  let at = aligned(ALIGNMENT + size);
  const arrays: Record<string, PackedArray> = {};
  for (const { name, kind, length } of listed) {
    const { BYTES_PER_ELEMENT } = KINDS[kind];
    const end = at + length * BYTES_PER_ELEMENT;
    if (end > bytes.length) throw new MinutehandError('BLOB_DAMAGED', { seen: `${name} ends at ${end}` });
    const memory = new SharedArrayBuffer(end - at);
    new Uint8Array(memory).set(bytes.subarray(at, end));
    const Kind = KINDS[kind] as new (memory: SharedArrayBuffer) => PackedArray;
    arrays[name] = new Kind(memory);
    at = aligned(end);
  }
  return { facts, arrays };
}

/** @throws MinutehandError BLOB_DAMAGED */
function headerOf(bytes: Buffer): Header {
  try {
    return headerSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new MinutehandError('BLOB_DAMAGED', { seen: 'a header that cannot be read', cause });
  }
}

function kindOf(array: PackedArray): KindName {
  return (Object.keys(KINDS) as KindName[]).find((name) => array instanceof KINDS[name])!;
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
