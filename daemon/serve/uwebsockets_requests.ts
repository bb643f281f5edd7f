import { STATUS_CODES } from 'node:http';
import { MinutehandError } from '../../shared/errors.ts';
import type { HttpResponse, RequestHead, Route } from './http_route.ts';
import { createBodies, type Bodies, type BodyIntake } from './intake.ts';
import { isRefusal, type Router } from './router.ts';
import type { NativeRequest, NativeResponse } from './uwebsockets_native.ts';

const EMPTY = Buffer.alloc(0);

/** Requests of the fast engine and their responses. */
export class NativeRequests {
  readonly #router: Router;
  readonly #bodies: Bodies;
  readonly #isClosing: () => boolean;
  #inProgress = 0;

  constructor(router: Router, maxBodyBytes: number, isClosing: () => boolean) {
    this.#router = router;
    this.#bodies = createBodies(maxBodyBytes);
    this.#isClosing = isClosing;
  }

  get inProgress(): number {
    return this.#inProgress;
  }

  serve(response: NativeResponse, head: RequestHead): void {
    const found = this.#router.route(head);
    const exchange = this.#begin(response, head);
    let intake: BodyIntake | null = null;
    response.onAborted(() => {
      exchange.leave();
      intake?.abort();
    });
    const malformed = framingProblem(head);
    if (malformed !== null)
      return exchange.respond(this.#router.refuse(new MinutehandError('HTTP_MALFORMED', { seen: malformed })), true);
    if (isRefusal(found)) return exchange.respond(found);
    if (found.method === 'GET') return this.#settle(exchange, found, EMPTY);
    intake = this.#bodies.open(Number.parseInt(head.header('content-length'), 10), (verdict) => {
      if (verdict.body) this.#settle(exchange, found, verdict.body);
      else exchange.respond(this.#router.refuse(verdict.error), !verdict.drained);
    });
    if (!exchange.isOpen) return;
    response.onData((chunk, isLast) => {
      intake?.take(new Uint8Array(chunk));
      if (isLast) intake?.end();
    });
  }

  #settle(exchange: Exchange, route: Route, body: Buffer): void {
    const answer = this.#router.answer(route, { ...exchange.head, body });
    if (answer instanceof Promise) void answer.then((late) => exchange.respond(late));
    else exchange.respond(answer);
  }

  #begin(response: NativeResponse, head: RequestHead): Exchange {
    this.#inProgress++;
    return new Exchange(response, head, this.#isClosing, () => this.#inProgress--);
  }
}

/** A request and its one response. */
class Exchange {
  readonly head: RequestHead;
  isOpen = true;
  readonly #response: NativeResponse;
  readonly #isClosing: () => boolean;
  readonly #onLeft: () => void;

  constructor(response: NativeResponse, head: RequestHead, isClosing: () => boolean, onLeft: () => void) {
    this.head = head;
    this.#response = response;
    this.#isClosing = isClosing;
    this.#onLeft = onLeft;
  }

  /** @returns whether it was open */
  leave(): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#onLeft();
    return true;
  }

  respond(answer: HttpResponse, lastOfConnection = false): void {
    if (this.leave()) writeResponse(this.#response, this.head.method, answer, lastOfConnection || this.#isClosing());
  }
}

/** Limits of its parser. Requests that the parser refuses get a fixed text that cannot be configured. */
function framingProblem({ header }: RequestHead): string | null {
  const length = header('content-length');
  if (length !== '' && !/^\d+$/.test(length)) return `Content-Length: ${length.slice(0, 40)}`;
  const encoding = header('transfer-encoding');
  return encoding === '' || /^chunked$/i.test(encoding) ? null : `Transfer-Encoding: ${encoding.slice(0, 40)}`;
}

/** All that is read from `request` is read before this returns: it lives on the native stack. */
export function headOf(response: NativeResponse, request: NativeRequest): RequestHead {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  });
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery() ?? ''),
    header: (name) => headers.get(name.toLowerCase()) ?? '',
    remoteAddress: addressText(new Uint8Array(response.getRemoteAddress())),
  };
}

/** @param bytes 4 of an IPv4 address or 16 of an IPv6 one, in network order */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  const isMappedIpv4 = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (isMappedIpv4) return bytes.subarray(12).join('.');
  const full = words.map((word) => word.toString(16)).join(':');
  // The URL parser writes an address in its shortest form (RFC 5952).
  return new URL(`http://[${full}]`).hostname.slice(1, -1);
}

export function writeResponse(
  response: NativeResponse,
  method: string,
  answer: HttpResponse,
  lastOfConnection: boolean,
): void {
  response.cork(() => {
    response.writeStatus(`${answer.status} ${STATUS_CODES[answer.status] ?? ''}`);
    response.writeHeader('content-type', answer.contentType);
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.writeHeader(name, value);
    if (method === 'HEAD') response.endWithoutBody(Buffer.byteLength(answer.body), lastOfConnection);
    else response.end(answer.body, lastOfConnection);
  });
}
