import { socketShare } from '../../shared/process/descriptors.ts';

/** WebSockets of a route that has no limits of its own. */
export interface WebSocketLimits {
  readonly total: number;
  /** So that a client that opens all it can leaves room for others. */
  readonly perAddress: number;
}

const TOTAL_MAX = 2000;
const SHARE_OF_ONE = 0.6;

/** 2000 connections, 1200 of one address, such as that of a proxy; fewer where the process may open few descriptors. */
export function webSocketLimits(descriptors?: number): WebSocketLimits {
  const total = socketShare(TOTAL_MAX, descriptors);
  return { total, perAddress: Math.ceil(SHARE_OF_ONE * total) };
}
