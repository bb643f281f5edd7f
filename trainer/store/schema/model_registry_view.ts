/** Of the manifest of a direction bundle, as `direction_manifest.ts` names them. */
const DIRECTION = 'minutehand.direction/%';

/**
 * `model_registry`: one row per model of every registered bundle: AI1, AI2 and AI3 of pairs, DIRECTION of instruments.
 * A direction model is measured on blocks that follow what each was learned from, and learns from all bars at the end:
 * its AUC is that of up against down, its period ends with the last bar, its limits are among the conditions. `UPDATE
 * model_registry SET notes = …` edits the note of a model; no other column can be written. A bundle that was neither
 * rejected nor ever active is a `candidate`. The training period ends on the last day with a bar that the models
 * learned from. The metrics are those of the holdout; AI1 has its skill beside its AUC.
 */
export const MODEL_REGISTRY_VIEW = {
  postgres: [
    `CREATE VIEW model_registry AS
   SELECT regexp_replace(r.version, '^direction/', '') AS model_version, t.model_type,
     r.status AS status,
     ((r.m #>> '{period,from}')::timestamptz AT TIME ZONE 'UTC')::date AS train_period_start,
     coalesce(
       ((r.m #>> '{period,holdout_from}')::timestamptz AT TIME ZONE 'UTC' - interval '1 second')::date,
       ((r.m #>> '{period,to}')::timestamptz AT TIME ZONE 'UTC')::date) AS train_period_end,
     (r.m ->> 'theta1')::numeric(6,4) AS theta1,
     (r.m ->> 'theta2')::numeric(6,4) AS theta2,
     CASE WHEN t.model_type = 'DIRECTION' THEN jsonb_build_object(
       'auc', r.m #> '{metrics,up_or_down_auc}', 'brier', r.m #> '{metrics,brier}',
       'log_loss', r.m #> '{metrics,log_loss}', 'log_loss_prior', r.m #> '{metrics,log_loss_prior}',
       'class_auc', r.m #> '{metrics,auc}', 'f1', r.m #> '{metrics,f1}',
       'mean_pnl_bps', r.m #> '{metrics,net_bps}', 'trades', r.m #> '{metrics,trades}')
     ELSE jsonb_build_object(
       'auc', r.m #> ARRAY['metrics', lower(t.model_type), 'holdout', 'auc'],
       'brier', r.m #> ARRAY['metrics', lower(t.model_type), 'holdout', 'brier'],
       'skill', CASE WHEN t.model_type = 'AI1' THEN r.m #> '{skill,skill}' END,
       'skill_error', CASE WHEN t.model_type = 'AI1' THEN r.m #> '{skill,standard_error}' END,
       'sharpe', r.m #> '{backtest,net_sharpe}', 'win_rate', r.m #> '{backtest,win_rate}',
       'mean_pnl_bps', r.m #> '{backtest,mean_net_bps}', 'max_drawdown', r.m #> '{backtest,max_drawdown}',
       'trades', r.m #> '{backtest,trades}') END AS metrics,
     CASE WHEN r.removed_at IS NULL
       THEN r.folder || '/' || lower(t.model_type) || '.onnx' END AS artifact_path,
     n.notes, r.created::timestamptz AS created_at,
     greatest(r.created::timestamptz, r.adopted_at::timestamptz, r.retired_at::timestamptz, r.removed_at::timestamptz,
       n.updated_at::timestamptz) AS updated_at,
     r.m ->> 'feature_schema' AS feature_schema_hash,
     (r.m ->> 'seed')::bigint AS seed,
     r.m ->> 'data_hash' AS data_hash,
     CASE WHEN t.model_type = 'DIRECTION' THEN jsonb_build_object(
       'market', coalesce(r.m ->> 'market', 'live'), 'instruments', r.m -> 'instruments',
       'timeframe_seconds', r.m -> 'timeframe', 'windows', r.m -> 'windows', 'label', r.m -> 'label',
       'balance', r.m -> 'balance', 'strategy', r.m -> 'strategy', 'engine', r.m -> 'engine',
       'costs', r.m -> 'costs', 'period', r.m -> 'period', 'git_commit', r.m -> 'git_commit')
     ELSE jsonb_build_object(
       'market', r.m -> 'market', 'pairs', r.m -> 'pairs', 'windows', r.m -> 'windows',
       'label_policy', r.m -> 'label_policy', 'engine', r.m -> 'engine', 'configuration', r.m -> 'configuration',
       'period', r.m -> 'period', 'git_commit', r.m -> 'git_commit') END AS conditions
   FROM (SELECT *, manifest::jsonb AS m FROM core.model_registry) r
   JOIN (VALUES ('AI1'), ('AI2'), ('AI3'), ('DIRECTION')) t (model_type)
     ON (t.model_type = 'DIRECTION') = (r.m ->> 'format' LIKE '${DIRECTION}')
   LEFT JOIN core.model_notes n ON n.version = r.version AND n.model_type = t.model_type`,
    `CREATE OR REPLACE FUNCTION core.edit_model_notes() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF to_jsonb(NEW) - 'notes' IS DISTINCT FROM to_jsonb(OLD) - 'notes' THEN
       RAISE EXCEPTION 'only notes of model_registry can be edited';
     END IF;
     INSERT INTO core.model_notes VALUES (
       CASE WHEN NEW.model_type = 'DIRECTION' THEN 'direction/' ELSE '' END || NEW.model_version, NEW.model_type, coalesce(NEW.notes, ''),
       to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     ON CONFLICT (version, model_type) DO UPDATE SET notes = excluded.notes, updated_at = excluded.updated_at;
     RETURN NEW;
   END $$`,
    `CREATE TRIGGER edit_model_notes INSTEAD OF UPDATE ON model_registry
   FOR EACH ROW EXECUTE FUNCTION core.edit_model_notes()`,
  ],
  sqlite: [
    `CREATE VIEW model_registry AS
   SELECT replace(r.version, 'direction/', '') AS model_version, t.model_type,
     r.status AS status,
     date(json_extract(r.manifest, '$.period.from')) AS train_period_start,
     coalesce(date(json_extract(r.manifest, '$.period.holdout_from'), '-1 second'),
       date(json_extract(r.manifest, '$.period.to'))) AS train_period_end,
     round(json_extract(r.manifest, '$.theta1'), 4) AS theta1,
     round(json_extract(r.manifest, '$.theta2'), 4) AS theta2,
     CASE WHEN t.model_type = 'DIRECTION' THEN json_object(
       'auc', json_extract(r.manifest, '$.metrics.up_or_down_auc'),
       'brier', json_extract(r.manifest, '$.metrics.brier'),
       'log_loss', json_extract(r.manifest, '$.metrics.log_loss'),
       'log_loss_prior', json_extract(r.manifest, '$.metrics.log_loss_prior'),
       'class_auc', json(json_extract(r.manifest, '$.metrics.auc')),
       'f1', json_extract(r.manifest, '$.metrics.f1'),
       'mean_pnl_bps', json_extract(r.manifest, '$.metrics.net_bps'),
       'trades', json_extract(r.manifest, '$.metrics.trades'))
     ELSE json_object(
       'auc', json_extract(r.manifest, '$.metrics.' || lower(t.model_type) || '.holdout.auc'),
       'brier', json_extract(r.manifest, '$.metrics.' || lower(t.model_type) || '.holdout.brier'),
       'skill', CASE WHEN t.model_type = 'AI1' THEN json_extract(r.manifest, '$.skill.skill') END,
       'skill_error', CASE WHEN t.model_type = 'AI1' THEN json_extract(r.manifest, '$.skill.standard_error') END,
       'sharpe', json_extract(r.manifest, '$.backtest.net_sharpe'),
       'win_rate', json_extract(r.manifest, '$.backtest.win_rate'),
       'mean_pnl_bps', json_extract(r.manifest, '$.backtest.mean_net_bps'),
       'max_drawdown', json_extract(r.manifest, '$.backtest.max_drawdown'),
       'trades', json_extract(r.manifest, '$.backtest.trades')) END AS metrics,
     CASE WHEN r.removed_at IS NULL
       THEN r.folder || '/' || lower(t.model_type) || '.onnx' END AS artifact_path,
     n.notes, r.created AS created_at,
     max(r.created, coalesce(r.adopted_at, ''), coalesce(r.retired_at, ''), coalesce(r.removed_at, ''),
       coalesce(n.updated_at, '')) AS updated_at,
     json_extract(r.manifest, '$.feature_schema') AS feature_schema_hash,
     json_extract(r.manifest, '$.seed') AS seed,
     json_extract(r.manifest, '$.data_hash') AS data_hash,
     CASE WHEN t.model_type = 'DIRECTION' THEN json_object(
       'market', coalesce(json_extract(r.manifest, '$.market'), 'live'),
       'instruments', json(json_extract(r.manifest, '$.instruments')),
       'timeframe_seconds', json_extract(r.manifest, '$.timeframe'),
       'windows', json(json_extract(r.manifest, '$.windows')),
       'label', json(json_extract(r.manifest, '$.label')),
       'balance', json_extract(r.manifest, '$.balance'),
       'strategy', json(json_extract(r.manifest, '$.strategy')),
       'engine', json(json_extract(r.manifest, '$.engine')),
       'costs', json(json_extract(r.manifest, '$.costs')),
       'period', json(json_extract(r.manifest, '$.period')),
       'git_commit', json_extract(r.manifest, '$.git_commit'))
     ELSE json_object(
       'market', json_extract(r.manifest, '$.market'), 'pairs', json(json_extract(r.manifest, '$.pairs')),
       'windows', json(json_extract(r.manifest, '$.windows')),
       'label_policy', json(json_extract(r.manifest, '$.label_policy')),
       'engine', json(json_extract(r.manifest, '$.engine')),
       'configuration', json(json_extract(r.manifest, '$.configuration')),
       'period', json(json_extract(r.manifest, '$.period')),
       'git_commit', json_extract(r.manifest, '$.git_commit')) END AS conditions
   FROM core_model_registry r
   JOIN (SELECT 'AI1' AS model_type UNION ALL SELECT 'AI2' UNION ALL SELECT 'AI3' UNION ALL SELECT 'DIRECTION') t
     ON (t.model_type = 'DIRECTION') = (json_extract(r.manifest, '$.format') LIKE '${DIRECTION}')
   LEFT JOIN core_model_notes n ON n.version = r.version AND n.model_type = t.model_type`,
    `CREATE TRIGGER edit_model_notes INSTEAD OF UPDATE OF notes ON model_registry BEGIN
     INSERT INTO core_model_notes VALUES (
       CASE WHEN NEW.model_type = 'DIRECTION' THEN 'direction/' ELSE '' END || NEW.model_version, NEW.model_type, coalesce(NEW.notes, ''),
       strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
     ON CONFLICT (version, model_type) DO UPDATE SET notes = excluded.notes, updated_at = excluded.updated_at;
   END`,
  ],
} as const;
