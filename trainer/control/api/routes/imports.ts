import type * as z from 'zod';
import { readStoredVerdicts } from '../../../../shared/bar_file/verdict/stored_verdicts.ts';
import { modelsTrainedOn } from '../../registry/trained_on.ts';
import type { ListedRun } from '../../../store/import_runs.ts';
import type { Api, ApiContext } from '../context.ts';
import { importRoutes, importsSchema } from '../../schema/imports.ts';

/** `GET /api/imports`, `POST /api/imports/:import_number/undo`. */
export function addImportRoutes(api: Api, { settings, store, paths }: ApiContext): void {
  const { market } = settings.minutehand;

  api.route({
    ...importRoutes['GET /api/imports'],
    async handler({ query: { limit, market: asked = market } }) {
      const runs = await (await store()).importRuns.list(asked === 'all' ? null : asked, limit);
      return { imports: runs.map(shown) };
    },
  });

  api.route({
    ...importRoutes['POST /api/imports/{import_number}/undo'],
    async handler(request) {
      const id = request.params.import_number;
      const isDry = request.query.dry_run === 'true';
      request.written = { target: `import ${id}${isDry ? ' (dry run)' : ''}` };
      const opened = await store();
      const preview = await opened.importRuns.previewUndo(id);
      const models = await modelsTrainedOn(opened, paths.models, preview.market, [
        ...preview.removed,
        ...preview.restored,
      ]);
      const { removed, restored, series, later_files } = isDry
        ? preview
        : await opened.importRuns.undo(id, request.identity!.name);
      request.written = { ...request.written, after: { removed, restored, series, models } };
      return {
        import_number: id,
        dry_run: isDry,
        removed: [...removed],
        restored: [...restored],
        series: [...series],
        later_files: [...later_files],
        models: [...models],
      };
    },
  });
}

type ShownVerdict = z.infer<typeof importsSchema>['imports'][number]['verdicts'][string];

function shown({ verdicts, clocks, ...run }: ListedRun) {
  const { symbols, accepted } = readStoredVerdicts(verdicts);
  const plain = Object.entries(symbols).map(([symbol, { verdict, findings }]) => [
    symbol,
    { verdict, findings: findings.map((one) => ({ ...one, values: { ...one.values } })) },
  ]);
  return {
    ...run,
    clocks: [...clocks],
    verdicts: Object.fromEntries(plain) as Record<string, ShownVerdict>,
    accepted: [...accepted],
  };
}
