import type protobuf from 'protobufjs';

const WIRE = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;
const float = new DataView(new ArrayBuffer(4));
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The bytes, and the read position. */
interface Source {
  readonly bytes: Uint8Array;
  at: number;
}

type Value = number | string | Uint8Array | Message;
interface Message {
  [field: string]: Value | Value[];
}

/**
 * A protobuf message (https://protobuf.dev/programming-guides/encoding) as a plain object: every repeated field is
 * there, numbers and texts that are not written are 0 and empty, messages that are not written are absent, unknown
 * fields are skipped. protobufjs reads each int64 into an object of its own, which takes four times as long for the
 * 100,000 integers of a tree ensemble.
 * @throws RangeError when the bytes are no such message
 */
export function readMessage(type: protobuf.Type, bytes: Uint8Array): Message {
  return readFields(type, { bytes, at: 0 }, bytes.length);
}

function readFields(type: protobuf.Type, source: Source, end: number): Message {
  const message = emptyMessage(type);
  while (source.at < end) {
    const tag = readVarint(source, end);
    const wire = tag % 8;
    const field = type.fieldsById[Math.floor(tag / 8)];
    if (field === undefined) {
      skip(source, wire, end);
    } else if (!field.repeated) {
      message[field.name] = readValue(field, source, wire, end);
    } else {
      const list = message[field.name] as Value[];
      if (wire === WIRE.bytes && isNumeric(field)) {
        const last = endOfBytes(source, end);
        while (source.at < last) list.push(readNumber(field, source, last));
      } else {
        list.push(readValue(field, source, wire, end, list.at(-1)));
      }
    }
  }
  if (source.at !== end) throw new RangeError(`a field that goes beyond byte ${end}`);
  return message;
}

function emptyMessage(type: protobuf.Type): Message {
  const message: Message = {};
  for (const field of type.fieldsArray) {
    if (field.repeated) message[field.name] = [];
    else if (isNumeric(field)) message[field.name] = 0;
    else if (field.type === 'string') message[field.name] = '';
    else if (field.type === 'bytes') message[field.name] = new Uint8Array();
  }
  return message;
}

function isNumeric({ type }: protobuf.Field): boolean {
  return type === 'int32' || type === 'int64' || type === 'float';
}

/** @param before the value before this one: equal texts share their bytes, as the modes of ten thousand nodes do. */
function readValue(field: protobuf.Field, source: Source, wire: number, end: number, before?: Value): Value {
  if (isNumeric(field)) {
    if (wire !== (field.type === 'float' ? WIRE.bits32 : WIRE.varint)) throw wrongWire(field, wire);
    return readNumber(field, source, end);
  }
  if (wire !== WIRE.bytes) throw wrongWire(field, wire);
  const last = endOfBytes(source, end);
  const { resolvedType } = field.resolve();
  if (resolvedType !== null) return readFields(resolvedType as protobuf.Type, source, last);
  const value = source.bytes.subarray(source.at, last);
  source.at = last;
  if (field.type === 'string') return utf8.decode(value);
  return before instanceof Uint8Array && isSame(before, value) ? before : value;
}

function wrongWire(field: protobuf.Field, wire: number): RangeError {
  return new RangeError(`${field.name} of wire type ${wire}`);
}

function readNumber(field: protobuf.Field, source: Source, end: number): number {
  if (field.type !== 'float') return readVarint(source, end);
  const { bytes, at } = source;
  if (at + 4 > end) throw new RangeError(`a number that goes beyond byte ${end}`);
  for (let i = 0; i < 4; i++) float.setUint8(i, bytes[at + i]!);
  source.at += 4;
  return float.getFloat32(0, true);
}

/** An int64 in two's complement, as the nearest number. */
function readVarint(source: Source, end: number): number {
  let value = 0;
  let complement = 0;
  let scale = 1;
  for (let length = 1; length <= 10 && source.at < end; length++, scale *= 128) {
    const byte = source.bytes[source.at++]!;
    // Only negative numbers have a tenth byte. Their complement is small where they are, so it is exact.
    if (length === 10) return -complement - 1;
    value += (byte & 0x7f) * scale;
    complement += (~byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new RangeError(`an integer that goes beyond byte ${end}`);
}

function endOfBytes(source: Source, end: number): number {
  const length = readVarint(source, end);
  if (!(length >= 0 && source.at + length <= end)) throw new RangeError(`a field that goes beyond byte ${end}`);
  return source.at + length;
}

function skip(source: Source, wire: number, end: number): void {
  if (wire === WIRE.varint) readVarint(source, end);
  else if (wire === WIRE.bits64) source.at += 8;
  else if (wire === WIRE.bits32) source.at += 4;
  else if (wire === WIRE.bytes) source.at = endOfBytes(source, end);
  else throw new RangeError(`wire type ${wire}`);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
