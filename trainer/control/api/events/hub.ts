import type { ServerResponse } from 'node:http';
import { MinutehandError } from '../../../../shared/errors.ts';

/** Maximum concurrent streams in total, and per session or token. */
const MAX_STREAMS = 200;
const MAX_STREAMS_OF_ONE = 60;
/** A client with more unread bytes is disconnected; it reconnects and reads the current state. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const BEAT_MS = 15_000;
/**
 * Events of so many milliseconds are one write to each stream. The signals of a bar come one by one: to write each to
 * each of 50 streams would take the processor from the daemon while it answers.
 */
const GATHER_MS = 25;
const MAX_GATHERED = 64 * 1024;

interface Stream {
  readonly owner: string;
  readonly response: ServerResponse;
  isAllowed(): Promise<boolean>;
}

/** Sends server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to every open stream. */
export class EventHub {
  readonly #streams = new Set<Stream>();
  readonly #beats: NodeJS.Timeout;
  #id = 0;
  #gathered = '';
  #gathering: NodeJS.Timeout | undefined;

  constructor() {
    this.#beats = setInterval(() => void this.beat(), BEAT_MS);
    this.#beats.unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream on a response whose head has not been sent.
   * @param first initial events
   * @param isAllowed whether its session or token is still valid
   * @throws MinutehandError STREAMS_TOO_MANY
   */
  open(
    response: ServerResponse,
    owner: string,
    first: readonly (readonly [event: string, json: string])[],
    isAllowed: () => Promise<boolean>,
  ): void {
    const own = [...this.#streams].filter((stream) => stream.owner === owner).length;
    if (this.#streams.size >= MAX_STREAMS || own >= MAX_STREAMS_OF_ONE)
      throw new MinutehandError('STREAMS_TOO_MANY', { seen: `${own} of this client, ${this.#streams.size} in all` });
    this.#flush();
    const stream = { owner, response, isAllowed };
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    response.on('error', () => this.#streams.delete(stream));
    response.write(`retry: 2000\n\n${first.map(([event, json]) => this.#text(event, json)).join('')}`);
  }

  /** @param json on one line */
  publish(event: string, json: string): void {
    if (this.#streams.size === 0) return;
    this.#gathered += this.#text(event, json);
    if (this.#gathered.length > MAX_GATHERED) this.#flush();
    else this.#gathering ??= setTimeout(() => this.#flush(), GATHER_MS).unref();
  }

  /** Keeps connections alive, and ends streams whose session or token is no longer valid. Never rejects. */
  async beat(): Promise<void> {
    this.#gathered += ': beat\n\n';
    this.#flush();
    for (const stream of this.#streams) {
      // A store error does not end the session.
      if (!(await stream.isAllowed().catch(() => true))) stream.response.end();
    }
  }

  /** Ends the streams of a session or token, e.g. after log-out. */
  drop(owner: string): void {
    for (const stream of this.#streams) if (stream.owner === owner) stream.response.end();
  }

  close(): void {
    clearInterval(this.#beats);
    clearTimeout(this.#gathering);
    for (const { response } of this.#streams) response.destroy();
    this.#streams.clear();
  }

  #text(event: string, json: string): string {
    return `id: ${(this.#id += 1)}\nevent: ${event}\ndata: ${json}\n\n`;
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#gathered === '') return;
    const bytes = Buffer.from(this.#gathered);
    this.#gathered = '';
    for (const stream of this.#streams) {
      if (stream.response.writableLength > MAX_UNREAD_BYTES) {
        this.#streams.delete(stream);
        stream.response.destroy();
      } else stream.response.write(bytes);
    }
  }
}
