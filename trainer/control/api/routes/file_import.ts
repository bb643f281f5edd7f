import { shownPreview } from '../../imports/shown_preview.ts';
import type { Api, ApiContext } from '../context.ts';
import { receiveFile } from '../file_body.ts';
import { clientLeft } from '../http_server.ts';
import { fileImportRoutes, MAX_FILE_BYTES } from '../../schema/import_preview.ts';

/** `POST /api/imports`: bars of a file that a person sends, into the live market. */
export function addFileImportRoute(api: Api, { fileImports, store }: ApiContext): void {
  api.route({
    ...fileImportRoutes['POST /api/imports'],
    config: { ...fileImportRoutes['POST /api/imports'].config, maxFileBytes: MAX_FILE_BYTES },
    async handler(request, reply) {
      const { query } = request;
      const { name, as_symbol: symbol = null, timezone = null, epoch_timezone: epochTimezone = null } = query;
      const { decimal = null, date_order: dateOrder = null, stamp = null, spread = null, price = null } = query;
      const isDry = query.dry_run === 'true';
      request.written = { target: isDry ? `${name} (dry run)` : name };
      const by = request.identity!.name;
      const file = {
        name,
        symbol,
        timezone,
        epochTimezone,
        decimal,
        dateOrder,
        stamp,
        spread,
        price,
        isReplacing: query.replace === 'true',
        by: isDry ? null : by,
        write: (path: string) => receiveFile(request, reply, path),
      };
      const done = await fileImports.import(file, clientLeft(reply.raw));
      const number = 'error' in done ? null : done.import_number;
      if (number !== null) await (await store()).importRuns.attribute(number, { source: name, by });
      const answer = {
        ...shownPreview(done),
        import_number: number,
        dry_run: isDry,
        models: 'error' in done ? [] : [...done.models],
      };
      const after = answer.symbols.map(({ symbol: own, added, replaced }) => ({ symbol: own, added, replaced }));
      request.written = { ...request.written, after: { import_number: number, symbols: after } };
      return answer;
    },
  });
}
