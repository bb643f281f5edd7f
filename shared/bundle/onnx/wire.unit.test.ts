import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readMessage } from './wire.ts';

const root = protobuf.Root.fromJSON({
  nested: {
    Leaf: { fields: { size: { type: 'int64', id: 1 }, name: { type: 'string', id: 2 } } },
    All: {
      fields: {
        one: { type: 'int32', id: 1 },
        many: { rule: 'repeated', type: 'int64', id: 2 },
        text: { type: 'string', id: 3 },
        data: { type: 'bytes', id: 4 },
        list: { rule: 'repeated', type: 'bytes', id: 16 },
        numbers: { rule: 'repeated', type: 'float', id: 17 },
        number: { type: 'float', id: 18 },
        leaf: { type: 'Leaf', id: 19 },
        leaves: { rule: 'repeated', type: 'Leaf', id: 2000 },
      },
    },
    // The same numbers for lists that are not packed, and a field more.
    Older: {
      fields: {
        many: { rule: 'repeated', type: 'int64', id: 2, options: { packed: false } },
        numbers: { rule: 'repeated', type: 'float', id: 17, options: { packed: false } },
        unknown: { type: 'double', id: 99 },
        another: { type: 'fixed32', id: 100 },
        text: { type: 'string', id: 3 },
      },
    },
  },
});
const All = root.lookupType('All');
const Leaf = root.lookupType('Leaf');
const Older = root.lookupType('Older');

const integer = fc.maxSafeInteger();
const leaf = fc.record({ size: integer, name: fc.string() });
const message = fc.record({
  one: fc.integer(),
  many: fc.array(integer),
  text: fc.string({ unit: 'binary' }),
  data: fc.uint8Array(),
  list: fc.array(fc.uint8Array({ maxLength: 2 })),
  numbers: fc.array(fc.float()),
  number: fc.float(),
  leaf,
  leaves: fc.array(leaf),
});

/** Buffers and arrays of bytes are the same bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

describe('readMessage', () => {
  it('reads the output of protobufjs', () => {
    fc.assert(
      fc.property(message, (written) => {
        const bytes = All.encode(All.fromObject(written)).finish();
        expect(plain(readMessage(All, bytes))).toEqual(plain(written));
      }),
    );
  });

  it('reads lists that are not packed, and skips unknown fields', () => {
    const written = { many: [1, -1, 300], numbers: [0.5, Infinity], unknown: 1.5, another: 7, text: 'after' };
    const read = readMessage(All, Older.encode(Older.fromObject(written)).finish());
    expect(read).toMatchObject({ many: [1, -1, 300], numbers: [0.5, Infinity], text: 'after' });
  });

  it('gives defaults for missing fields, and no message', () => {
    expect(readMessage(All, new Uint8Array())).toEqual({
      one: 0,
      many: [],
      text: '',
      data: new Uint8Array(),
      list: [],
      numbers: [],
      number: 0,
      leaves: [],
    });
    expect(readMessage(Leaf, new Uint8Array())).toEqual({ size: 0, name: '' });
  });

  it('refuses or reads any bytes, by a RangeError or a TypeError of the text, and always ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), message, fc.nat(), (noise, written, cut) => {
        const bytes = All.encode(All.fromObject(written)).finish();
        for (const some of [
          noise,
          bytes.subarray(0, cut % (bytes.length + 1)),
          Uint8Array.from([...bytes, ...noise]),
        ]) {
          try {
            readMessage(All, some);
          } catch (error) {
            expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
          }
        }
      }),
    );
  });
});
