import { timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { MinutehandError } from '../errors.ts';

const LOOPBACK_ADDRESS = /^(?:127\.\d+\.\d+\.\d+|::1)$/;
const LOOPBACK_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const NAME = String.raw`(\[[\da-f:.]+\]|[^\s/?#@:[\]]+)(?::\d{1,5})?$`;
const HOST = new RegExp(`^${NAME}`, 'i');
const ORIGIN = new RegExp(`^https?://${NAME}`, 'i');
const BEARER = /^bearer +/i;
const SHOWN_LENGTH = 80;
/** Headers that a proxy adds: the client is not the proxy's machine. */
const FORWARDING_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-forwarded',
  'x-forwarded-by',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto-version',
  'x-forwarded-scheme',
  'x-forwarded-protocol',
  'x-forwarded-client-cert',
  'x-forwarded-user',
  'x-forwarded-ssl',
  'x-forwarded-uri',
  'x-scheme',
  'x-url-scheme',
  'x-original-proto',
  'x-original-for',
  'x-arr-ssl',
  'x-arr-log-id',
  'x-original-host',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-cluster-client-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-proxyuser-ip',
  'x-envoy-external-address',
  'x-envoy-original-path',
  'x-amzn-trace-id',
  'x-amz-cf-id',
  'cloudfront-forwarded-proto',
  'x-nf-client-connection-ip',
  'x-appengine-user-ip',
  'x-cloud-trace-context',
  'x-azure-clientip',
  'x-azure-ref',
  'x-vercel-forwarded-for',
  'fly-client-ip',
  'do-connecting-ip',
  'akamai-origin-hop',
  'cdn-loop',
  'cf-ray',
  'cf-visitor',
  'cf-connecting-ipv6',
  'cf-ipcountry',
  'front-end-https',
  'proxy-connection',
  'tailscale-user-login',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-original-forwarded-for',
  'via',
] as const;

/** The head of a request, as far as access depends on it. */
export interface AccessRequest {
  readonly method: string;
  readonly path: string;
  /** The value of a header, `''` when absent. */
  header(name: string): string;
  readonly remoteAddress: string;
}

export interface AccessOptions {
  /** The address that the server listens on. */
  readonly host: string;
  /** Further host names: of this server, and of web pages that may use it. */
  readonly allowedHosts: readonly string[];
  /** Token that clients on other machines must present where authorization is needed; none = they are all refused. */
  readonly token: string | undefined;
  /** Whether programs of this machine need the token as well, for example because a tunnel ends here. */
  readonly loopbackNeedsToken?: boolean;
  needsAuthorization(request: AccessRequest): boolean;
}

/**
 * The access rule of every HTTP and WebSocket server of this package. In this order:
 *
 * - HOST_REFUSED: the Host header names another server. A web page whose DNS name was rebound to this machine sends its
 *   own name
 * (https://en.wikipedia.org/wiki/DNS_rebinding). IP addresses cannot be rebound; they are accepted where the server
 * listens beyond
 *   this machine. A client that has the token is no such page, and may use any name.
 * - ORIGIN_REFUSED: a web page of another site. Browsers let any page post to, or open a WebSocket on, this machine.
 * - UNAUTHORIZED: a client on another machine without the token. A request that a proxy on this machine forwards comes
 *   from another machine; a tunnel shows no trace of one, which is what `loopbackNeedsToken` is for.
 *
 * Programs send no Origin; a request without Host is from no browser.
 */
export function createAccess(options: AccessOptions): (request: AccessRequest) => MinutehandError | null {
  const { host, allowedHosts, token, loopbackNeedsToken = false, needsAuthorization } = options;
  const listensBeyond = !isLoopbackName(nameIn(host));
  const allowed = new Set([host, ...allowedHosts].map((name) => nameIn(name)));

  function isOurs(name: string): boolean {
    return isLoopbackName(name) || allowed.has(name) || (listensBeyond && isIP(name.replace(/^\[|\]$/g, '')) !== 0);
  }

  return (request) => {
    const authorized = isRightToken(request.header('authorization'), token);
    const given = request.header('host');
    const name = nameOf(HOST, given);
    if (given !== '' && !authorized && !isOurs(name))
      return new MinutehandError('HOST_REFUSED', { seen: given.slice(0, SHOWN_LENGTH) });
    const origin = request.header('origin');
    if (origin !== '') {
      const page = nameOf(ORIGIN, origin);
      const isKnown = page !== '' && (page === name || isLoopbackName(page) || allowed.has(page));
      if (!isKnown) return new MinutehandError('ORIGIN_REFUSED', { seen: origin.slice(0, SHOWN_LENGTH) });
    }
    if (authorized || !needsAuthorization(request)) return null;
    if (!isLoopbackAddress(request.remoteAddress))
      return new MinutehandError('UNAUTHORIZED', { seen: `a request from ${request.remoteAddress}` });
    const forwarding = FORWARDING_HEADERS.find((header) => request.header(header) !== '');
    if (forwarding !== undefined)
      return new MinutehandError('UNAUTHORIZED', { seen: `a request that a proxy forwards (header ${forwarding})` });
    if (loopbackNeedsToken)
      return new MinutehandError('UNAUTHORIZED', { seen: 'a request of this machine, with loopback_needs_token' });
    return null;
  };
}

/** Returns whether a client's address is this machine's own. */
function isLoopbackAddress(address: string): boolean {
  return LOOPBACK_ADDRESS.test(address);
}

function isLoopbackName(name: string): boolean {
  return LOOPBACK_NAME.test(name);
}

/** A configured host as in a Host header: `::1` as `[::1]`. */
function nameIn(host: string): string {
  return isIP(host) === 6 ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

/** The name in a header, in lower case and without its port; `''` when it has none. */
function nameOf(pattern: RegExp, header: string): string {
  return pattern.exec(header)?.[1]?.toLowerCase() ?? '';
}

/** The scheme is case-insensitive (RFC 9110, 11.1), the token is not. */
function isRightToken(authorization: string, token: string | undefined): boolean {
  const scheme = BEARER.exec(authorization);
  if (scheme === null || token === undefined || token === '') return false;
  const given = Buffer.from(authorization.slice(scheme[0].length));
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
