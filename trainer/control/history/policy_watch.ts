import type { Logger } from 'pino';
import { readPointer } from '../../../shared/policy/approved.ts';
import { homePaths } from '../../../shared/home.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { configAuthor } from '../../../shared/policy/config_starts.ts';
import type { Clock } from '../../../shared/ports.ts';
import { configValues, noteConfigChanges } from '../schedule/config_changes.ts';
import type { Store } from '../../store/store.ts';

/**
 * Records configurations that signals refer to. `audit.config_changes` has the values at the trainer's start; if a
 * daemon was started with another configuration since then, the configuration is read again.
 */
export class PolicyWatch {
  readonly #settings: Settings;
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #clock: Clock;
  #current: string;
  readonly #unknown = new Set<string>();

  constructor(settings: Settings, log: Logger, env: NodeJS.ProcessEnv, clock: Clock) {
    this.#settings = settings;
    this.#log = log;
    this.#env = env;
    this.#clock = clock;
    this.#current = settings.policyHash;
  }

  /** Records the configuration of a signal if it is new. @param hash its policy_hash */
  async see(store: Store, hash: string): Promise<void> {
    if (hash === this.#current || this.#unknown.has(hash)) return;
    let found: Settings | null = null;
    try {
      const isApproved = readPointer(homePaths(this.#env).policy) !== null;
      found = loadSettings({ env: this.#env, ...(!isApproved && { configDir: this.#settings.sources.configDir }) });
    } catch (error) {
      this.#log.warn({ err: error }, 'the configuration cannot be read again');
    }
    if (found?.policyHash !== hash) {
      this.#unknown.add(hash);
      const text = 'signals were decided by a configuration that is not in config/ (any more)';
      this.#log.warn({ policy_hash: hash }, text);
      return;
    }
    await noteConfigChanges(store, configValues(found), this.#clock, hash, configAuthor('trainer', this.#env));
    this.#current = hash;
    this.#unknown.clear();
    this.#log.info({ policy_hash: hash }, 'a change of the configuration was noted');
  }
}
