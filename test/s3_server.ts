/** A local S3 server; the package has no types. */
interface Rver {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}
const nameOfRver: string = 's3rver';

/** Credentials that it accepts. */
export const S3_KEYS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

export interface S3Server {
  readonly port: number;
  /** `http://127.0.0.1:…` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** An S3 server on loopback with these buckets. @param directory where it keeps its objects */
export async function startS3(directory: string, buckets: readonly string[]): Promise<S3Server> {
  const { default: Server } = (await import(nameOfRver)) as { default: new (options: object) => Rver };
  const server = new Server({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: buckets.map((name) => ({ name, configs: [] })),
  });
  const { port } = await server.run();
  return { port, endpoint: `http://127.0.0.1:${port}`, stop: () => server.close() };
}
