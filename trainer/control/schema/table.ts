import { sessionRoutes } from './access.ts';
import { alertRoutes } from './alerts.ts';
import { automlFeatureRoutes } from './automl_features.ts';
import { backtestRoutes } from './backtests.ts';
import { barChangeRoutes } from './bar_changes.ts';
import { candleRoutes } from './candles.ts';
import { channelRoutes } from './channels.ts';
import { configRoutes } from './config.ts';
import { dataRoutes } from './data.ts';
import { directionModelRoutes } from './direction_models.ts';
import { eventRoutes } from './events.ts';
import { explainRoutes } from './explain.ts';
import { fleetRoutes } from './fleet.ts';
import { formulaRoutes } from './formulas.ts';
import { goLiveRoutes } from './golive.ts';
import { fileImportRoutes, importPreviewRoutes } from './import_preview.ts';
import { importRoutes } from './imports.ts';
import { jobRoutes } from './jobs.ts';
import { modelRoutes, modelWriteRoutes } from './models.ts';
import { newsRoutes } from './news.ts';
import { performanceRoutes } from './performance.ts';
import { predictRoutes } from './predict.ts';
import { recordRoutes } from './records.ts';
import { reportRoutes } from './reports.ts';
import { rolloutRoutes } from './rollout.ts';
import { runRoutes } from './runs.ts';
import { searchRoutes } from './searches.ts';
import { signalRoutes } from './signals.ts';
import { statusRoutes } from './status.ts';
import { stopRoutes } from './stops.ts';
import { strategyRoutes } from './strategies.ts';
import { subjectRoutes } from './subjects.ts';
import { trainingRoutes } from './training.ts';

/** Every route of the OpenAPI document, by its name there. */
export const ROUTES = {
  ...sessionRoutes,
  ...alertRoutes,
  ...automlFeatureRoutes,
  ...backtestRoutes,
  ...barChangeRoutes,
  ...candleRoutes,
  ...channelRoutes,
  ...configRoutes,
  ...dataRoutes,
  ...directionModelRoutes,
  ...eventRoutes,
  ...explainRoutes,
  ...fleetRoutes,
  ...formulaRoutes,
  ...goLiveRoutes,
  ...fileImportRoutes,
  ...importPreviewRoutes,
  ...importRoutes,
  ...jobRoutes,
  ...modelWriteRoutes,
  ...modelRoutes,
  ...newsRoutes,
  ...performanceRoutes,
  ...predictRoutes,
  ...recordRoutes,
  ...reportRoutes,
  ...rolloutRoutes,
  ...runRoutes,
  ...searchRoutes,
  ...signalRoutes,
  ...statusRoutes,
  ...stopRoutes,
  ...strategyRoutes,
  ...subjectRoutes,
  ...trainingRoutes,
};
