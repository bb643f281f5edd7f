import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { describeError, MinutehandError, type ErrorCode } from '../errors.ts';
import type { AccessRequest } from './access.ts';

/** Node answers a request without Host with an empty 400; `missesHost` and the caller answer it with a code. */
export const REQUIRE_HOST_HEADER = false;

const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** The parts of a node:http request that access depends on. */
export function accessRequestOf(request: IncomingMessage): AccessRequest {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: request.method ?? '',
    path: mark < 0 ? url : url.slice(0, mark),
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : (value ?? '');
    },
    // An IPv4 address is never shown in its IPv6 form.
    remoteAddress: (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''),
  };
}

/** RFC 9112, 3.2: a request of HTTP/1.1 has a Host header. */
export function missesHost(request: IncomingMessage): boolean {
  return request.headers.host === undefined && request.httpVersion === '1.1';
}

/** A refusal of what `missesHost`. */
export function hostMissing(): MinutehandError {
  return new MinutehandError('HTTP_MALFORMED', { seen: 'no Host header' });
}

/**
 * For the event `clientError` of a node:http server: answers what its parser refused by JSON with a code, and closes.
 * @param begun the response to the request that was in progress on this connection, if any
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, begun?: ServerResponse): void {
  const canAnswer = socket.writable && error.code !== 'ECONNRESET' && begun?.headersSent !== true;
  if (!canAnswer) return void socket.destroy();
  const refusal = new MinutehandError(CODES[error.code ?? ''] ?? 'HTTP_MALFORMED', {
    seen: error.message.slice(0, 100),
  });
  socket.end(refusalText(refusal));
}

/** An answer that ends its connection, as it goes over the wire. */
export function refusalText(refusal: MinutehandError): string {
  const body = JSON.stringify({ error: describeError(refusal) });
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
