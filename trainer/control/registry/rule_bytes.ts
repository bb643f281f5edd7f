import { keepSearchOf, ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { SHELVES_OF_RULES } from '../../../shared/bundle/shelves/rules.ts';
import { slotNameOf } from '../../../shared/bundle/shelf_name.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { Store } from '../../store/store.ts';
import { ModelsFolder } from './models_folder.ts';

type ShelfOfRules = (typeof SHELVES_OF_RULES)[number];

/** Rules of a kind whose bytes the store keeps, the newest: those in use are few. */
const MAX_RULES = 100;

/** The bytes of rules in the store, those of strategy files or of a strategy, by their path below the models folder. */
export class RuleBytes {
  readonly #store: Pick<Store, 'db'>;
  readonly #models: string;
  readonly #folder: ModelsFolder;
  readonly #prefix: string;
  readonly #shelf: ShelfOfRules | null;

  /** @param shelf of the strategy; null: those of strategy files */
  constructor(store: Pick<Store, 'db'>, modelsFolder: string, shelf: ShelfOfRules | null) {
    this.#store = store;
    this.#models = modelsFolder;
    this.#shelf = shelf;
    this.#prefix = `${shelf?.name ?? 'rule'}/`;
    this.#folder = new ModelsFolder(
      shelf === null ? ofFiles(modelsFolder) : ofStrategy(shelf, modelsFolder),
      MACHINE_FILES,
    );
  }

  /** Whether the store has a rule. */
  async has(version: string): Promise<boolean> {
    return (await this.#artifacts(version)).length > 0;
  }

  /**
   * Keeps a whole rule of the models folder; of a known one, only a new signature.
   * @throws MinutehandError as readRuleBundle; MODEL_EXISTS if another rule had its version
   */
  async keep(version: string): Promise<void> {
    const { text } = this.#folder.readManifest(version);
    const known = await this.#artifacts(version);
    const manifest = known.find(({ file }) => file === 'manifest.json');
    if (manifest !== undefined && manifest.sha256 !== sha256Hex(text))
      throw new MinutehandError('MODEL_EXISTS', { seen: `the store has another rule under ${version}` });
    for (const file of this.#folder.fileNames(version)) {
      const content = this.#folder.read(version, file);
      const kept = { sha256: sha256Hex(content), content };
      await this.#store.db
        .insertInto('core.model_artifacts')
        .values({ version: this.#keyOf(version), file, ...kept })
        .onConflict((conflict) => conflict.columns(['version', 'file']).doUpdateSet(kept))
        .execute();
    }
    if (known.length === 0) await this.#removeOld();
  }

  /**
   * Writes a rule into the models folder again, byte for byte, and what it takes along of its search.
   * @throws MinutehandError MODEL_MISSING when the store does not have it; MODEL_HASH; as readRuleBundle
   */
  async restore(version: string): Promise<void> {
    const artifacts = await this.#artifacts(version);
    if (artifacts.length === 0)
      throw new MinutehandError('MODEL_MISSING', { seen: `the store does not have the rule ${version}` });
    this.#folder.write(version, artifacts);
    if (this.#shelf === null) keepSearchOf(pathInside(ruleFolder(this.#models), version), this.#models);
  }

  #artifacts(version: string) {
    return this.#store.db
      .selectFrom('core.model_artifacts')
      .select(['file', 'sha256', 'content'])
      .where('version', '=', this.#keyOf(version))
      .execute();
  }

  async #removeOld(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('core.model_artifacts')
      .select('version')
      .distinct()
      .where('version', 'like', `${this.#prefix}%`)
      .orderBy('version', 'desc')
      .execute();
    const old = rows.slice(MAX_RULES).map(({ version }) => version);
    if (old.length > 0) await this.#store.db.deleteFrom('core.model_artifacts').where('version', 'in', old).execute();
  }

  #keyOf(version: string): string {
    return `${this.#prefix}${version}`;
  }
}

/** The rules that a store has bytes of, by kind. */
export function allRuleBytes(store: Pick<Store, 'db'>, modelsFolder: string): RuleBytes[] {
  return [null, ...SHELVES_OF_RULES].map((shelf) => new RuleBytes(store, modelsFolder, shelf));
}

function ofFiles(modelsFolder: string) {
  return {
    path: ruleFolder(modelsFolder),
    read(folder: string) {
      const { created, instrument } = readRuleBundle(folder).manifest;
      return { created, slot: slotNameOf(timeframeOf(barSecondsOf(parseInstrument(instrument)))) };
    },
  };
}

function ofStrategy(shelf: ShelfOfRules, modelsFolder: string) {
  return {
    path: shelf.folder(modelsFolder),
    read(folder: string) {
      const { created, timeframe } = shelf.check(folder, MACHINE_FILES);
      return { created, slot: slotNameOf(timeframe) };
    },
  };
}
