import type { ModelName } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import { BALANCES } from '../../../shared/policy/balances.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { withTrainOptions } from '../../../trainer/jobs/kinds/run_training.ts';
import { countResult } from '../../../trainer/learning/backtest/holdout_looks.ts';
import { holdoutOf } from '../../../trainer/learning/proof/prove_models.ts';
import { roleTable, TABLE_PARTS } from '../../../trainer/learning/role_table/role_table.ts';
import { factsPath, writeRoleTable } from '../../../trainer/learning/role_table/write_role_table.ts';
import { trainingDataset } from '../../../trainer/learning/training/pipeline.ts';
import { experimentJob } from '../../experiment_job.ts';
import { gitCommit } from '../../git_commit.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import { endPartly, type Output } from '../../output.ts';
import {
  lookText,
  parseParts,
  refuseOfInstruments,
  refuseStoreOfRole,
  syntheticText,
  type ExportFlags,
} from '../exported_rows.ts';

/** The rows that `train` would learn one model from, by the same flags, cut for a model that is learned elsewhere. */
export async function exportPairRole(flags: ExportFlags, role: ModelName, output: Output): Promise<void> {
  const { out, balance = 'none' } = flags;
  refuseOfInstruments(flags);
  refuseStoreOfRole(flags);
  if (balance === 'mirror')
    throw new MinutehandError('USAGE', {
      seen: `--balance mirror with --role ${role}`,
      expected: `one of ${BALANCES.join(', ')}`,
      next: 'Mirror images are of the bars of an instrument: `--role direction`.',
    });
  const parts = parseParts(flags.parts ?? 'learn', TABLE_PARTS);
  const settings = loadSettings();
  const paths = homePaths();
  const job = experimentJob({ ...flags, seed: flags.seed ?? '1' }, settings, 'dataset export', true);
  const { seed } = job;
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => [`${out} was not written.`] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  try {
    const context = { settings, paths, gitCommit: gitCommit(), onProgress };
    await withTrainOptions(job, context, async (options) => {
      const dataset = await trainingDataset(options);
      const table = roleTable(dataset, options.settings, job.market, { role, parts, balance, seed });
      const look = parts.includes('holdout')
        ? countResult(paths.models, holdoutOf(dataset, options), sha256Hex(`export ${role} ${dataset.snapshotId}`), {
            exported: true,
          })
        : null;
      const rows = await writeRoleTable(out, table);
      progress.stop();
      const { facts, pairs } = table;
      const { learn, calibration, holdout, synthetic } = facts.rows;
      output.line(`${rows} rows of ${role} written to ${out}, facts to ${factsPath(out)}`);
      output.line(
        `learn ${learn}${syntheticText(synthetic)}, calibration ${calibration}, holdout ${holdout}; balance ${balance}`,
      );
      output.line(
        `Labels to learn from are known before ${facts.learned_until}; the holdout begins ${facts.holdout_from}.`,
      );
      output.line(`Then: minutehand models import --role ${role} model.onnx --learned-until ${facts.learned_until}`);
      if (look !== null) output.note(lookText(look));
      const missing = settings.minutehand.pairs.filter((id) => !pairs.includes(id));
      output.result({ out, written_rows: rows, look, missing_pairs: missing, ...facts });
      endPartly(missing.length === 0 ? [] : [`${missing.join(', ')}: no rows`], rows > 0, output);
    });
  } finally {
    progress.stop();
  }
}
