import type { Logger } from 'pino';
import { describeError } from '../../../shared/errors.ts';
import type { Clock, Scheduler } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import type { AuditEntry } from '../api/audit.ts';
import type { Notifier } from '../notify/notifier.ts';
import {
  hadModels,
  keepNamed,
  LossFinder,
  lossText,
  recoveredNotice,
  recoverLostModels,
  type LostPlace,
  type Loss,
} from '../registry/recover_lost.ts';
import type { Recovery } from '../registry/registry.ts';
import { keepHomeFiles, restoredFilesTexts, restoreHomeFiles } from './kept_home.ts';

/** Time between two looks at the models folder; a look is a few calls of the file system. */
const LOOK_MS = 10_000;
/** Longest time between two attempts to restore what could not be restored. */
const MAX_RETRY_MS = 300_000;
const LOST_KEY = 'models_lost';

export interface ModelKeeperOptions extends LostPlace {
  readonly log: Logger;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly notifier: Notifier;
  print(line: string): void;
  audit(entry: AuditEntry): Promise<void>;
}

/**
 * Restores models that are lost or damaged (active ones, shadows, rules, the rollout and its challenger), at the start
 * of the trainer and while it runs, and reports it: log, audit, notification. What cannot be restored is an alert until
 * it is whole again; attempts become rarer.
 */
export class ModelKeeper {
  readonly #options: ModelKeeperOptions;
  readonly #finder: LossFinder;
  #cancel: () => void = () => undefined;
  /** Never rejects. */
  readonly look = atMostOneWaiting(() => this.#lookOnce());
  /** Marks of bundles whose bytes the store has. */
  readonly #kept = new Set<string>();
  /** What another installation has kept is in this home as well. */
  #hasFiles = false;
  #whyNoFiles = '';
  /** Files of the home that the store has, as `keepHomeFiles` returns them. */
  #keptFiles = '';
  #retryMs = LOOK_MS;
  #notBeforeMs = -Infinity;
  /** The losses of the last look. */
  #seen = '';
  #reported = '';
  #isStopped = false;

  constructor(options: ModelKeeperOptions) {
    this.#options = options;
    this.#finder = new LossFinder(options);
  }

  /** Looks now and from then on at regular times. Resolves after the first look; never rejects. */
  async start(): Promise<void> {
    await this.look();
    if (!this.#isStopped) this.#cancel = this.#options.scheduler.every(LOOK_MS, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.look();
  }

  async #lookOnce(): Promise<void> {
    if (this.#isStopped) return;
    this.#hasFiles ||= await this.#restoreFiles();
    try {
      // Halts come before the models that they keep from trading.
      if (!this.#hasFiles && this.#finder.isNewHome()) return;
      await this.#mend();
      await keepNamed(this.#options, this.#finder, this.#kept);
      if (this.#hasFiles)
        this.#keptFiles = await keepHomeFiles(this.#options, this.#keptFiles, this.#options.clock.nowMs());
    } catch (error) {
      // A lost home, the store's own problems and another owner are reported elsewhere; the next look tries again.
      this.#options.log.warn({ error: describeError(error) }, 'models, marks or halts were not looked after');
    }
  }

  /** Takes what another installation has kept. @returns false: not yet, as its owner may still live */
  async #restoreFiles(): Promise<boolean> {
    const { log, print, clock, notifier } = this.#options;
    try {
      const restored = await restoreHomeFiles(this.#options, this.#finder);
      const texts = restoredFilesTexts(restored);
      if (texts.length === 0) return true;
      const text = texts.join(' ');
      const files = restored.taken;
      log.warn(restored, 'kept files were restored');
      print(text);
      await this.#audit({ recovered: [], activated: [], failed: [], files });
      const key = `models_recovered:${clock.nowMs()}:files`;
      await notifier.raise({ key, event: 'models_recovered', subject: 'models', text, isOnce: true });
      return true;
    } catch (error) {
      const report = describeError(error);
      if (report.message !== this.#whyNoFiles) log.warn({ error: report }, 'kept files were not restored');
      this.#whyNoFiles = report.message;
      return false;
    }
  }

  async #mend(): Promise<void> {
    const losses = this.#finder.losses();
    const nowMs = this.#options.clock.monotonicUs() / 1000;
    const seen = losses.map(lossText).join('; ');
    // Slots that never had models count as losses that nobody can restore: a further one is restored at once.
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#retryMs = LOOK_MS;
    } else if (nowMs < this.#notBeforeMs) return;
    const isWhole = losses.length === 0 || (await this.#restore(losses));
    if (isWhole) await this.#clear();
    this.#notBeforeMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  async #clear(): Promise<void> {
    if (this.#reported === '') return;
    this.#reported = '';
    await this.#options.notifier.clear(LOST_KEY);
  }

  /** @returns whether everything is there that the registry, or this home, knows */
  async #restore(losses: readonly Loss[]): Promise<boolean> {
    try {
      const recovery = await recoverLostModels(this.#options, this.#finder);
      if (recovery !== null) await this.#tellRestored(recovery);
      const { left, failed } = recovery ?? { left: [], failed: [] };
      if (left.length === 0) return true;
      const reasons = failed.map(({ version, error }) => `${version}: ${error.code}: ${error.message}`);
      await this.#tellLost([...left.map(lossText), ...reasons].join('; '));
    } catch (error) {
      const { code, message } = describeError(error);
      // A new installation has no models to restore: its store reports its own problem.
      const known = losses.filter(({ slot }) => hadModels(this.#options.paths, slot));
      if (known.length === 0) return true;
      await this.#tellLost(`${known.map(lossText).join('; ')}; ${code}: ${message}`);
    }
    return false;
  }

  async #tellRestored(recovery: Recovery): Promise<void> {
    const { log, print, notifier, paths, clock } = this.#options;
    const { recovered, activated, failed } = recovery;
    if (recovered.length + activated.length === 0) return;
    const notice = recoveredNotice(recovery, paths.models, clock.nowMs());
    log.warn({ recovered, activated }, 'lost models were restored');
    print(notice.text);
    await this.#audit({ recovered, activated, failed: failed.map(({ version }) => version) });
    await notifier.raise(notice);
  }

  #audit(after: object): Promise<void> {
    return this.#options.audit({
      actor: 'trainer',
      role: 'system',
      via: 'trainer',
      action: 'models recover',
      target: 'all',
      before: null,
      after,
      outcome: 'done',
    });
  }

  /** Once for each reason. */
  async #tellLost(why: string): Promise<void> {
    const { log, print, notifier } = this.#options;
    if (this.#reported === why) return;
    this.#reported = why;
    const text = `Models are lost and were not restored: ${why}. \`minutehand models recover\` restores them by hand.`;
    log.error({ why }, 'lost models were not restored');
    print(text);
    await notifier.raise({ key: LOST_KEY, event: 'models_lost', subject: 'models', text });
  }
}
