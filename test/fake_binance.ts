import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

const MINUTE_MS = 60_000;

/** A loopback server with Binance's API for USDT-margined futures, with faults on demand. */
export interface FakeBinance {
  readonly url: string;
  /** REST responses that fail from now on, by part of `/path SYMBOL`; the text replaces the response. */
  readonly broken: Map<string, { readonly status: number; readonly body: string }>;
  /** `/path SYMBOL` of requests since the start. */
  readonly requests: string[];
  /** Minutes without a candle, by open in ms. */
  readonly missing: Set<number>;
  /** Milliseconds its clock is ahead. */
  aheadMs: number;
  /** Sends a frame, or any text, to every client of a kind of stream. @returns number of clients */
  send(stream: 'market' | 'public', frame: object | string): number;
  /** Cuts all WebSockets. */
  disconnect(): void;
  close(): Promise<void>;
}

/** The candle of a minute: the same at every request. */
export function candleOf(
  symbol: string,
  openMs: number,
): Record<'open' | 'high' | 'low' | 'close' | 'volume' | 'takerBuyVolume' | 'trades', number> {
  const minute = openMs / MINUTE_MS;
  const base = symbol.startsWith('BTC') ? 60_000 : 3000;
  const priceAt = (at: number): number =>
    Math.round(base * (1 + 0.01 * Math.sin(at / 37) + 0.002 * Math.sin(at * 1.7)) * 100) / 100;
  const open = priceAt(minute);
  const close = priceAt(minute + 1);
  const volume = minute % 50 === 0 ? 0 : 1 + (minute % 7);
  const takerBuyVolume = volume / 4;
  const trades = volume === 0 ? 0 : 9 + (minute % 5);
  return {
    open,
    close,
    high: Math.max(open, close) + 1,
    low: Math.min(open, close) - 1,
    volume,
    takerBuyVolume,
    trades,
  };
}

export const fundingAt = (settlementMs: number): number => ((settlementMs / 3_600_000) % 5) / 10_000;
export const openInterestAt = (atMs: number): number => 1000 + ((atMs / 300_000) % 100);

export function liquidationFrame(symbol: string, side: 'BUY' | 'SELL', coins: number, atMs: number): object {
  const o = {
    s: symbol,
    S: side,
    o: 'LIMIT',
    f: 'IOC',
    q: `${coins}`,
    p: '60000',
    ap: '60000',
    X: 'FILLED',
    l: `${coins}`,
    z: `${coins}`,
    T: atMs,
  };
  return { e: 'forceOrder', E: atMs, o };
}

export function bookFrame(symbol: string, bid: number, ask: number, atMs: number): object {
  return { e: 'bookTicker', u: atMs, E: atMs, T: atMs, s: symbol, b: '59999', B: `${bid}`, a: '60001', A: `${ask}` };
}

export async function startFakeBinance(symbols: readonly string[]): Promise<FakeBinance> {
  const broken: FakeBinance['broken'] = new Map();
  const requests: string[] = [];
  const missing = new Set<number>();
  const state = { aheadMs: 0 };
  const nowMs = (): number => Date.now() + state.aheadMs;

  function every(stepMs: number, query: URLSearchParams): number[] {
    const since = Number(query.get('startTime') ?? 0);
    const limit = Number(query.get('limit') ?? 500);
    const times: number[] = [];
    for (let at = Math.ceil(since / stepMs) * stepMs; at <= nowMs() && times.length < limit; at += stepMs)
      times.push(at);
    return times;
  }

  function answerOf(path: string, query: URLSearchParams): unknown {
    const symbol = query.get('symbol') ?? '';
    switch (path) {
      case '/fapi/v1/exchangeInfo':
        return {
          timezone: 'UTC',
          serverTime: nowMs(),
          rateLimits: [],
          exchangeFilters: [],
          symbols: symbols.map(listing),
        };
      case '/fapi/v1/time':
        return { serverTime: nowMs() };
      case '/fapi/v1/klines':
        return every(MINUTE_MS, query)
          .filter((at) => !missing.has(at))
          .map((at) => {
            const { open, high, low, close, volume, takerBuyVolume, trades } = candleOf(symbol, at);
            // The open minute is not final.
            const factor = at + MINUTE_MS > nowMs() ? 1.0001 : 1;
            return [
              at,
              `${open}`,
              `${high * factor}`,
              `${low}`,
              `${close}`,
              `${volume}`,
              at + MINUTE_MS - 1,
              '0',
              trades,
              `${takerBuyVolume}`,
              '0',
              '0',
            ];
          });
      case '/fapi/v1/fundingRate':
        return every(8 * 3_600_000, query).map((at) => ({
          symbol,
          fundingTime: at,
          fundingRate: `${fundingAt(at)}`,
          markPrice: '1',
        }));
      case '/futures/data/openInterestHist':
        return every(300_000, query).map((at) => ({
          symbol,
          timestamp: at,
          sumOpenInterest: `${openInterestAt(at)}`,
          sumOpenInterestValue: '1',
        }));
      default:
        return null;
    }
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    const asked = `${pathname} ${searchParams.get('symbol') ?? ''}`;
    requests.push(asked);
    const fault = [...broken].find(([part]) => asked.includes(part))?.[1];
    const answer = answerOf(pathname, searchParams);
    response.writeHead(fault?.status ?? (answer === null ? 404 : 200), {
      'content-type': fault?.body.startsWith('<') === true ? 'text/html' : 'application/json',
    });
    response.end(fault?.body ?? JSON.stringify(answer ?? { code: -1, msg: 'no such path' }));
  });
  const sockets = new WebSocketServer({ server });
  const clients = new Map<WebSocket, string>();
  sockets.on('connection', (socket, request) => {
    clients.set(socket, request.url!);
    socket.on('close', () => clients.delete(socket));
    socket.on('message', (data: Buffer) => {
      const { id } = JSON.parse(data.toString()) as { id: number };
      socket.send(JSON.stringify({ result: null, id }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken,
    requests,
    missing,
    get aheadMs() {
      return state.aheadMs;
    },
    set aheadMs(ms) {
      state.aheadMs = ms;
    },
    send(stream, frame) {
      const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
      const receivers = [...clients].filter(([, path]) => path.startsWith(`/${stream}/`));
      for (const [socket] of receivers) socket.send(text);
      return receivers.length;
    },
    disconnect() {
      for (const socket of clients.keys()) socket.terminate();
    },
    async close() {
      for (const socket of clients.keys()) socket.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listing(symbol: string): object {
  const base = symbol.replace(/USDT$/, '');
  return {
    symbol,
    pair: symbol,
    contractType: 'PERPETUAL',
    status: 'TRADING',
    baseAsset: base,
    quoteAsset: 'USDT',
    marginAsset: 'USDT',
    pricePrecision: 2,
    quantityPrecision: 3,
    underlyingType: 'COIN',
    filters: [],
    deliveryDate: 4_133_404_800_000,
    onboardDate: 1_569_398_400_000,
    orderTypes: ['LIMIT'],
    timeInForce: ['GTC'],
  };
}
