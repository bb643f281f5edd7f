import type { LeaseRecord, LeaseRequest } from '../daemon/lease/lease.ts';
import type { LeaseStore } from '../daemon/lease/lease_store.ts';
import { decideLease, NO_LEASE } from '../daemon/lease/memory_lease.ts';
import type { Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

/** One way through the network, at most. */
const TRAVEL_MS = 20;

export interface LeaseClient {
  readonly owner: SimulatedProcess;
  /** The path of a machine can be cut. */
  readonly machine: string;
  /** Unique to the process. */
  readonly holder: string;
}

export interface LeaseServerOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  /** The server's wall clock. */
  wallMs(): number;
  /** The server has executed a request. @param before the row before it */
  onExecuted(client: LeaseClient, request: LeaseRequest, before: LeaseRecord, after: LeaseRecord): void;
  /** A process has the response to a request that it sent at `sentMs`. */
  onAnswered(client: LeaseClient, request: LeaseRequest, record: LeaseRecord, sentMs: number): void;
}

/** A lease server with the row of one shard: it executes what reaches it, even when the sender has ended. */
export class LeaseServer {
  /** Refuses connections. */
  isDown = false;
  /** Additional time of a response. */
  slowMs = 0;
  /** Machines whose packets are lost. */
  readonly isolated = new Set<string>();
  readonly #options: LeaseServerOptions;
  readonly #listeners = new Map<SimulatedProcess, (() => void)[]>();
  #record: LeaseRecord = NO_LEASE;

  constructor(options: LeaseServerOptions) {
    this.#options = options;
  }

  connect(client: LeaseClient): LeaseStore {
    const { owner } = client;
    const listeners: (() => void)[] = [];
    this.#listeners.set(owner, listeners);
    owner.onDeath(() => this.#listeners.delete(owner));
    return {
      exchange: (request) => owner.call(() => this.#exchange(client, request)),
      onLost: (listener) => void listeners.push(listener),
      reset: () => this.#disconnect(owner),
      close: () => Promise.resolve(),
    };
  }

  /** It starts again with an empty disk. */
  loseData(): void {
    this.#record = NO_LEASE;
    for (const owner of this.#listeners.keys()) this.#disconnect(owner);
  }

  #disconnect(owner: SimulatedProcess): void {
    for (const listener of this.#listeners.get(owner) ?? []) owner.at(this.#options.timeline.nowMs, listener);
  }

  #exchange(client: LeaseClient, request: LeaseRequest): Promise<LeaseRecord> {
    const { timeline, rng, onAnswered } = this.#options;
    const { owner, machine } = client;
    const sentMs = timeline.nowMs;
    return new Promise((resolve, reject) => {
      timeline.at(sentMs + TRAVEL_MS * rng.uniform(), () => {
        if (this.isolated.has(machine)) return;
        if (this.isDown) return void owner.at(timeline.nowMs, () => reject(new Error('connection refused')));
        const record = this.#execute(client, request);
        owner.at(timeline.nowMs + (TRAVEL_MS + this.slowMs) * rng.uniform(), () => {
          if (this.isolated.has(machine)) return;
          onAnswered(client, request, record, sentMs);
          resolve(record);
        });
      });
    });
  }

  #execute(client: LeaseClient, request: LeaseRequest): LeaseRecord {
    const { wallMs, onExecuted } = this.#options;
    const before = this.#record;
    this.#record = decideLease(before, request, client.holder, Math.floor(wallMs()));
    onExecuted(client, request, before, this.#record);
    return this.#record;
  }
}
