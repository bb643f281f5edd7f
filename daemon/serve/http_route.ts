import type { KnownQuery } from '../../shared/http/known_query.ts';

/** A request before its body: enough to decide whether to accept it. */
export interface RequestHead {
  /** In capitals: `GET`. */
  readonly method: string;
  /** Without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The value of a header in any case of letters, `''` when absent; several lines of one name are joined by `, `. */
  header(name: string): string;
  /** `127.0.0.1` or `2001:db8::1`; an IPv4 address is never shown in its IPv6 form. */
  readonly remoteAddress: string;
}

export interface HttpRequest extends RequestHead {
  /** A copy that the handler may keep. Empty for GET. */
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Compared letter by letter; no patterns. */
  readonly path: string;
  /** Parameters of its query; others are refused. Not checked when absent. */
  readonly query?: KnownQuery;
  /** A thrown MinutehandError becomes its status and JSON; anything else 500 INTERNAL and `onError`. */
  handle(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
}
