import { join } from 'node:path';
import { renameFileAsync } from '../../../../shared/durable_file.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { shownPreview } from '../../imports/shown_preview.ts';
import type { Api, ApiContext } from '../context.ts';
import { RECEIVED } from '../file_body.ts';
import { fileImportRoutes, FILE_TYPE } from '../../schema/import_preview.ts';

/** Years of one-minute bars of a symbol as text. */
const MAX_FILE_BYTES = 512_000_000;

/** `POST /api/imports`: bars of a file that a person sends, into the live market. */
export function addFileImportRoute(api: Api, { fileImports, store }: ApiContext): void {
  api.route({
    ...fileImportRoutes['POST /api/imports'],
    config: { ...fileImportRoutes['POST /api/imports'].config, maxFileBytes: MAX_FILE_BYTES },
    async handler(request) {
      const { uploaded, query } = request;
      const { name, as_symbol: symbol = null, timezone = null, epoch_timezone: epochTimezone = null } = query;
      const { decimal = null, date_order: dateOrder = null, stamp = null, spread = null, price = null } = query;
      const isDry = query.dry_run === 'true';
      request.written = { target: isDry ? `${name} (dry run)` : name };
      if (uploaded === null || uploaded.bytes === 0)
        throw new MinutehandError('REQUEST_INVALID', { seen: 'no file', expected: `a body of ${FILE_TYPE}` });
      const { folder } = uploaded;
      const by = request.identity!.name;
      await renameFileAsync(join(folder, RECEIVED), pathInside(folder, name));
      const done = await fileImports.import({
        folder,
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
      });
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
