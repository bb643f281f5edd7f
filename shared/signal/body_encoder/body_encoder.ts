import { MinutehandError } from '../../errors.ts';
import { compileKernel, PAGE_BYTES, wasm } from '../../webassembly.ts';
import { encodeBody, encodeRollout, json } from '../encode.ts';
import type { SignalBody } from '../signal.ts';

const FIRST = -292;
const LAST = 324;
const BITS = 128n;

/**
 * 10^-292 … 10^324, each scaled by a power of two to 128 bits and rounded up: high and low 64 bits in turn, as
 * body_encoder.as.ts reads them.
 */
function powersOfTen(): BigUint64Array {
  const powers = new BigUint64Array(2 * (LAST - FIRST + 1));
  for (let exponent = FIRST; exponent <= LAST; exponent++) {
    const scaled = exponent < 0 ? reciprocal(10n ** BigInt(-exponent)) : scale(10n ** BigInt(exponent));
    const at = 2 * (exponent - FIRST);
    powers[at] = scaled >> 64n;
    powers[at + 1] = scaled & 0xffff_ffff_ffff_ffffn;
  }
  return powers;
}

function scale(value: bigint): bigint {
  const shift = bitLength(value) - BITS;
  return shift <= 0n ? value << -shift : ceilOver(value, 1n << shift);
}

function reciprocal(value: bigint): bigint {
  return ceilOver(1n << (bitLength(value) + BITS - 1n), value);
}

function ceilOver(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

function bitLength(value: bigint): bigint {
  return BigInt(value.toString(2).length);
}

const KERNEL_FILE = 'dist/shared/signal/body_encoder/body_encoder.wasm';

/** Values of a body that differ from bar to bar; the last one, and its key, are absent from most bodies. */
const SLOTS = 20;
const IS_TEXT = 1;
/** A longer text is left to `encodeBody`. */
const TEXT_BYTES = 256;
const OUTPUT_BYTES = 8192;
const SEGMENTS_BYTES = Math.ceil((SLOTS * 8) / 16) * 16;
const TEMPLATE_BYTES = 2048;
/** The kernel copies 16 bytes at a time. */
const SPARE_BYTES = 16;

const VALUES_AT = 0;
const TEXTS_AT = VALUES_AT + SLOTS * 16;
const OUTPUT_AT = TEXTS_AT + SLOTS * TEXT_BYTES;
const POWERS_AT = OUTPUT_AT + OUTPUT_BYTES;

interface Kernel {
  setPowers(at: number): void;
  encode(segments: number, values: number, count: number, at: number): number;
}

/** The constant parts of a subject's bodies. */
interface Template {
  /** That they were made of. */
  readonly body: SignalBody;
  /** Address; −1 = not ASCII, or too long. */
  readonly segmentsAt: number;
  /** Behind the last value. */
  readonly tailAt: number;
  readonly tailBytes: number;
}

export interface BodyEncoder {
  /**
   * The same text as `encodeBody` gives.
   * @param subject small integer; bodies of one subject rarely differ in their constant fields
   */
  encode(subject: number, body: SignalBody): string;
}

/** Without the compiled kernel, the encoder is `encodeBody`. */
export function createBodyEncoder(): BodyEncoder {
  try {
    return new TemplateEncoder();
  } catch (error) {
    if (error instanceof MinutehandError) return { encode: (_, body) => encodeBody(body) };
    throw error;
  }
}

/** Keys and constant fields are formatted once per subject, numbers by WebAssembly into the text's bytes. */
class TemplateEncoder implements BodyEncoder {
  readonly #memory = new wasm.Memory({ initial: 1 });
  readonly #kernel: Kernel;
  readonly #templates: (Template | undefined)[] = [];
  /** The text in each slot. */
  readonly #texts = new Array<string | undefined>(SLOTS).fill(undefined);
  #bytes = Buffer.alloc(0);
  #words = new Int32Array(0);
  #numbers = new Float64Array(0);
  #end = POWERS_AT;
  #isAscii = true;

  /** @throws MinutehandError KERNEL_MISSING */
  constructor() {
    kernel ??= { module: compileKernel(KERNEL_FILE), powers: powersOfTen() };
    const instance = new wasm.Instance(kernel.module, { env: { memory: this.#memory } });
    this.#kernel = instance.exports as unknown as Kernel;
    this.#view();
    this.#bytes.set(new Uint8Array(kernel.powers.buffer), this.#reserve(kernel.powers.byteLength));
    this.#kernel.setPowers(POWERS_AT);
  }

  encode(subject: number, body: SignalBody): string {
    let template = this.#templates[subject];
    if (template === undefined || !isUnchanged(template.body, body)) template = this.#prepare(subject, body);
    if (template.segmentsAt < 0) return encodeBody(body);
    this.#isAscii = true;
    this.#setText(0, body.timestamp);
    this.#setNumber(1, body.z_score);
    this.#setNumber(2, body.return_prob);
    this.#setNumber(3, body.risk_score);
    this.#setText(4, body.entry);
    this.#setNumber(5, body.confidence);
    this.#setNumber(6, body.risk_flag);
    this.#setNumber(7, body.position_scale);
    this.#setText(8, body.action);
    this.#setText(9, body.reason);
    this.#setNumber(10, body.target);
    this.#setText(11, body.position_id);
    this.#setNumber(12, body.beta);
    this.#setNumber(13, body.price_a);
    this.#setNumber(14, body.price_b);
    this.#setText(15, body.signal_id);
    this.#setText(16, body.mode);
    this.#setNumber(17, body.expected_net_bps);
    this.#setNumber(18, body.leverage_reduction_rate);
    if (body.novelty !== undefined) this.#setNumber(19, body.novelty);
    if (!this.#isAscii) return encodeBody(body);
    const slots = body.novelty === undefined ? SLOTS - 1 : SLOTS;
    const end = this.#kernel.encode(template.segmentsAt, VALUES_AT, slots, OUTPUT_AT);
    const { tailAt, tailBytes } = template;
    if (tailBytes > 0) this.#bytes.copyWithin(end, tailAt, tailAt + tailBytes);
    return this.#bytes.toString('latin1', OUTPUT_AT, end + tailBytes);
  }

  #setNumber(slot: number, value: number | null): void {
    this.#numbers[2 * slot] = value ?? NaN;
  }

  #setText(slot: number, text: string): void {
    if (text === this.#texts[slot]) return;
    const at = TEXTS_AT + slot * TEXT_BYTES;
    const length = this.#bytes.write(text, at, TEXT_BYTES, 'utf8');
    if (length !== text.length) {
      this.#isAscii = false;
      this.#texts[slot] = undefined;
      return;
    }
    const word = 4 * slot;
    this.#words[word] = at;
    this.#words[word + 1] = length;
    this.#words[word + 3] = IS_TEXT;
    this.#texts[slot] = text;
  }

  #prepare(subject: number, body: SignalBody): Template {
    const segments = segmentsOf(body);
    const tail = encodeRollout(body);
    const text = segments.join('') + tail;
    const isAscii = Buffer.byteLength(text) === text.length && text.length < TEMPLATE_BYTES;
    const known = this.#templates[subject]?.segmentsAt ?? -1;
    const segmentsAt = !isAscii ? -1 : known < 0 ? this.#reserve(SEGMENTS_BYTES + TEMPLATE_BYTES) : known;
    let at = segmentsAt + SEGMENTS_BYTES;
    const template = { body, segmentsAt, tailAt: at + text.length - tail.length, tailBytes: tail.length };
    this.#templates[subject] = template;
    if (!isAscii) return template;
    segments.forEach((segment, i) => {
      const length = this.#bytes.write(segment, at, 'latin1');
      this.#words.set([at, length], segmentsAt / 4 + 2 * i);
      at += length;
    });
    this.#bytes.write(tail, at, 'latin1');
    return template;
  }

  /** Room for so many bytes at an address that 16 divides. */
  #reserve(bytes: number): number {
    const at = this.#end;
    this.#end += Math.ceil(bytes / 16) * 16;
    const missing = this.#end + SPARE_BYTES - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#view();
    }
    return at;
  }

  #view(): void {
    const { buffer } = this.#memory;
    this.#bytes = Buffer.from(buffer);
    this.#words = new Int32Array(buffer);
    this.#numbers = new Float64Array(buffer);
  }
}

let kernel: { readonly module: object; readonly powers: BigUint64Array } | undefined;

function isUnchanged(last: SignalBody, body: SignalBody): boolean {
  return (
    last.pair === body.pair &&
    last.theta1 === body.theta1 &&
    last.theta2 === body.theta2 &&
    last.max_age_bars === body.max_age_bars &&
    last.pair_id === body.pair_id &&
    last.model_version === body.model_version &&
    last.feature_schema === body.feature_schema &&
    last.policy_hash === body.policy_hash &&
    last.arm === body.arm &&
    last.rollout === body.rollout
  );
}

/** The text before each value that differs from bar to bar. */
function segmentsOf(body: SignalBody): string[] {
  return [
    `{"timestamp":"`,
    `","pair":"${body.pair}","z_score":`,
    `,"return_prob":`,
    `,"risk_score":`,
    `,"entry":"`,
    `","confidence":`,
    `,"risk_flag":`,
    `,"theta1":${json(body.theta1)},"theta2":${json(body.theta2)},"position_scale":`,
    `,"action":"`,
    `","reason":"`,
    `","target":`,
    `,"position_id":"`,
    `","max_age_bars":${body.max_age_bars},"beta":`,
    `,"price_a":`,
    `,"price_b":`,
    `,"pair_id":"${body.pair_id}","signal_id":"`,
    `","model_version":"${body.model_version}","feature_schema":"${body.feature_schema}",` +
      `"policy_hash":"${body.policy_hash}","mode":"`,
    `","expected_net_bps":`,
    `,"leverage_reduction_rate":`,
    `,"novelty":`,
  ];
}
