import { folderOfRule, keepSearchOf, ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { parseSubject } from '../../../shared/pair.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { Store } from '../../store/store.ts';
import { ModelsFolder } from './models_folder.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import { modelSlotOf } from '../../../shared/subject/slot.ts';

/** Rules whose bytes the store keeps, the newest: those in use are few. */
const MAX_RULES = 100;
const PREFIX = 'rule/';

/** The bytes of rules in the store, by their path below the models folder. */
export class RuleBytes {
  readonly #store: Pick<Store, 'db'>;
  readonly #models: string;
  readonly #folder: ModelsFolder;

  constructor(store: Pick<Store, 'db'>, modelsFolder: string) {
    this.#store = store;
    this.#models = modelsFolder;
    this.#folder = new ModelsFolder(ruleFiles(modelsFolder), MACHINE_FILES);
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
        .values({ version: keyOf(version), file, ...kept })
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
    await whenUnlocked(() => keepSearchOf(folderOfRule(this.#models, version), this.#models));
  }

  #artifacts(version: string) {
    return this.#store.db
      .selectFrom('core.model_artifacts')
      .select(['file', 'sha256', 'content'])
      .where('version', '=', keyOf(version))
      .execute();
  }

  async #removeOld(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('core.model_artifacts')
      .select('version')
      .distinct()
      .where('version', 'like', `${PREFIX}%`)
      .orderBy('version', 'desc')
      .execute();
    const old = rows.slice(MAX_RULES).map(({ version }) => version);
    if (old.length > 0) await this.#store.db.deleteFrom('core.model_artifacts').where('version', 'in', old).execute();
  }
}

function keyOf(version: string): string {
  return `${PREFIX}${version}`;
}

function ruleFiles(modelsFolder: string) {
  return {
    path: ruleFolder(modelsFolder),
    read(folder: string) {
      const { created, instrument } = readRuleBundle(folder).manifest;
      return { created, slot: modelSlotOf(parseSubject(instrument)) };
    },
  };
}
