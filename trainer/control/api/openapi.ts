import type { Settings } from '../../../shared/policy/policy.ts';
import { addApi } from './api_server.ts';
import type { ApiContext } from './context.ts';
import { createHttpServer } from './http_server.ts';

/** The OpenAPI document of the API, without a trainer. */
export async function openApiDocument(settings: Settings): Promise<object> {
  const server = createHttpServer();
  try {
    // Registering routes only reads settings; no handler runs.
    const document = await addApi(server, { settings } as ApiContext);
    await server.ready();
    return document();
  } finally {
    await server.close();
  }
}
